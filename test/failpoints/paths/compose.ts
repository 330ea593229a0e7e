import { readImage } from '../client-read';
import type { Actions } from '../failpoint-file';
import type { Path, Walk } from '../path';
import { objectOf, storedObjects } from '../stored-objects';
import type { Victim } from '../victim';
import { newImage } from '../victim-image';
import { pullWalk, removeWhole } from './pull';

const MIB = 1024 * 1024;

/** An image whose layer comes in several keys, and is one in the end. */
async function composeWalk(victim: Victim, size?: number, actions: Actions = {}): Promise<Walk> {
  const [image, key] = [newImage(victim, size === undefined ? {} : { size }), victim.newKey('remove')];
  const { run, ends } = await pullWalk(victim, image);
  const isOne = async () => {
    const object = await objectOf(victim, image);
    return (await storedObjects(victim)).find((each) => each.object === object)?.extents.length === 1;
  };
  const composed = () => victim.until('the layer is one key', isOne).then(() => undefined);
  return {
    actions,
    async run() {
      await run();
      await composed();
    },
    async ends() {
      await ends();
      await composed();
      await readImage(victim, image);
      await removeWhole(victim, image, key);
    },
  };
}

/** Short ones are read and written again. */
export const compose: Path = {
  name: 'keys that are made one',
  place: 's3',
  owns: [
    'blobs.begin-multipart',
    'blobs.complete-multipart',
    'blobs.put-part',
    'metadata.claim-composings',
    'metadata.swap-object',
  ],
  prepare: (victim) => composeWalk(victim),
};

/** Long ones are copied in the store. */
export const composeByCopy: Path = {
  name: 'long keys that are made one',
  place: 's3',
  settings: { ENTREPOT_EXTENT_BYTES: String(6 * MIB) },
  owns: ['blobs.copy-part'],
  prepare: (victim) => composeWalk(victim, 7 * MIB),
};

export const composeSlowly: Path = {
  name: 'keys that are made one by a slow store',
  place: 's3',
  owns: ['metadata.renew-composings'],
  prepare: (victim) => composeWalk(victim, undefined, { 'blobs.put-part:before': 'delay(800)' }),
};

export const composeAgain: Path = {
  name: 'keys that are made one at the second try',
  place: 's3',
  owns: ['metadata.fail-composing'],
  prepare: (victim) => composeWalk(victim, undefined, { 'blobs.begin-multipart:before': 'error@1' }),
};

/** Its lease runs out, what it made goes, and it is begun anew. */
export const startInComposing: Path = {
  name: 'a start that finds keys half made one',
  place: 's3',
  after: 'blobs.complete-multipart:before',
  owns: ['blobs.abort-multipart', 'metadata.end-composings'],
  prepare: (victim) => composeWalk(victim),
};
