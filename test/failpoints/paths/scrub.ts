import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { readImage } from '../client-read';
import type { Path } from '../path';
import { objectOf, storedObjects } from '../stored-objects';
import type { Victim } from '../victim';
import { pulledImage } from './pull';

/** A byte of a layer's file turns over; nobody asks for it, and it is found, kept aside and fetched again. */
export const scrub: Path = {
  name: 'bytes that are found wrong by themselves',
  place: 'folder',
  owns: ['blobs.link-quarantined', 'metadata.claim-scrubs', 'metadata.end-scrub', 'metadata.renew-scrubs'],
  settings: { ENTREPOT_SCRUB_EVERY_MS: '500', ENTREPOT_SCRUB_SWEEP_MS: '200' },
  async prepare(victim) {
    const [image] = await pulledImage(victim);
    const object = await objectOf(victim, image);
    await turnByte(join(victim.program.data, 'blobs', 'objects', object.slice(0, 6), object));
    const ends = async () => {
      await victim.until('another object has the layer', () => isAnother(victim, image.layer, object));
      await readImage(victim, image);
      await victim.until('what was lost is forgotten', async () =>
        (await storedObjects(victim)).every((each) => each.object !== object),
      );
    };
    // So long that the claim is renewed meanwhile, as it is after a third of its lease.
    return { run: ends, ends, actions: { 'blobs.fsync-folder:before': 'delay(1500)' } };
  },
};

async function isAnother(victim: Victim, layer: string, object: string): Promise<boolean> {
  return (await storedObjects(victim)).some(
    (each) => each.digest === layer && each.state === 'live' && each.object !== object,
  );
}

async function turnByte(path: string): Promise<void> {
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, 100);
  await file.write(Buffer.from([byte[0]! ^ 1]), 0, 1, 100);
  await file.close();
}
