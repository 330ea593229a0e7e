import type { Path, Walk } from '../path';
import type { PlaceName } from '../places';
import type { Victim } from '../victim';
import { pulledImage, removeWhole } from './pull';

/** Until its last byte is gone. */
async function removeWalk(victim: Victim): Promise<Walk> {
  const [[image], key] = [await pulledImage(victim), victim.newKey('remove')];
  const given = victim.upstream.count('GET', image.layerUrl);
  const run = () => removeWhole(victim, image, key);
  const ends = async () => {
    await run();
    const { json } = await victim.ask('GET', `/api/v1/images?repository=${image.path.slice('/v2/'.length)}`);
    if ((json as unknown[]).length > 0) throw new Error(`it is listed still: ${JSON.stringify(json)}`);
    if (victim.upstream.count('GET', image.layerUrl) !== given) throw new Error('it was fetched again');
  };
  return { run, ends };
}

const removeOn = (name: string, place: PlaceName, owns: readonly string[], after?: string): Path => ({
  name,
  place,
  owns,
  ...(after === undefined ? {} : { after }),
  prepare: removeWalk,
});

const BY_ANY_STORE = [
  'metadata.remove-image',
  'metadata.review-manifest',
  'metadata.review-blobs',
  'metadata.forget-objects',
];

export const remove = removeOn('a remove', 'folder', ['metadata.forget-pulls', 'blobs.unlink-object', ...BY_ANY_STORE]);

export const removeFromS3 = removeOn('a remove from S3', 's3', ['blobs.remove-extents', ...BY_ANY_STORE]);

/** Grace is over by the time of the next start. */
export const startToPurge = removeOn(
  'a start that finds what was condemned',
  'folder',
  ['metadata.end-objects'],
  'metadata.review-blobs:after',
);

export const startInPurge = removeOn(
  'a start that finds a purge under way',
  'folder',
  ['metadata.claim-purges'],
  'blobs.unlink-object:before',
);

export const startInPurgeOnS3 = removeOn(
  'a start that finds a purge under way on S3',
  's3',
  ['metadata.claim-purges'],
  'blobs.remove-extents:before',
);
