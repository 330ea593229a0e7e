import { Logger } from '@nestjs/common';
import { blobsLost } from '../metadata-metrics';
import type { Lost } from './mark-lost';

const log = new Logger('Objects');

/** As many images as one line names. */
const NAMED = 5;

/** One line for an operator: what is lost, who misses it, and what is done about it. Nothing where it was known. */
export function sayLost(object: string, { digest, isNew, images, refetching }: Lost, reason: string): void {
  if (!isNew) return;
  blobsLost.inc();
  const names = images.map(
    ({ repository, digest: image, tags }) => `${repository}${tags[0] ? `:${tags[0]}` : `@${image}`}`,
  );
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  const missing = names.length === 0 ? 'no image needs it' : `missing in ${names.slice(0, NAMED).join(', ')}${more}`;
  const remedy = refetching ? `; it is fetched again from ${refetching}` : '';
  log.error(`the bytes of ${digest} (object ${object}) are lost: ${reason}; ${missing}${remedy}`);
}
