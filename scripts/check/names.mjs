import { sourceFiles } from './source-files.mjs';

const EMPTY_WORDS = /(^|[-.])(utils?|commons?|helpers?|managers?|impl)([-.]|$)/;
const ROLES = ['controller', 'handler', 'store', 'client', 'driver', 'filter', 'config', 'module', 'decorator'];
const FRAMEWORK_ROLES = ['adapter', 'strategy', 'server'];
const TEST_ROLES = ['spec', 'suite', 'e2e', 'testing'];

/** A file is named by its one noun and its role; a name that says nothing gathers everything. */
export async function checkNames(root) {
  const files = sourceFiles(root, ['apps', 'libs', 'scripts', 'test']).filter((file) => /\.(ts|mjs|js)$/.test(file));
  return files.flatMap((file) => [...faultsOf(file)].map((fault) => `${file}: ${fault}`));
}

function* faultsOf(file) {
  const base = file
    .split('/')
    .at(-1)
    .replace(/\.(ts|mjs|js)$/, '');
  if (EMPTY_WORDS.test(base)) yield `"${base}" says nothing: name it by its noun`;
  if (base === 'index') yield 'no barrels: import the file itself by its subpath';
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/.test(base)) yield 'names are lowercase words joined by hyphens';
  const roles = [...ROLES, ...FRAMEWORK_ROLES, ...TEST_ROLES];
  const foreign = file.endsWith('.ts')
    ? base
        .split('.')
        .slice(1)
        .filter((role) => !roles.includes(role))
    : [];
  if (foreign.length > 0) yield `"${foreign.join('.')}" is no role; there are ${roles.join(', ')}`;
}
