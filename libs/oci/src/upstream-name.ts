import { splitDomain, wholeHubName } from './reference';
import { nameInvalid } from './registry-error';
import { type RepositoryName, parseRepositoryName } from './repository-name';
