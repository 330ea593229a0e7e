import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readImage, readVerified } from '../client-read';
import type { Path } from '../path';
import { objectOf, storedObjects } from '../stored-objects';
import type { Victim } from '../victim';
import type { VictimImage } from '../victim-image';
import { pulledImage } from './pull';

/** Somebody deletes a layer's file; whoever asks for it next has it fetched again. */
export const lost: Path = {
  name: 'bytes that are found lost',
  place: 'folder',
  owns: ['metadata.mark-lost', 'metadata.want-blob'],
  async prepare(victim) {
    const [image] = await pulledImage(victim);
    const object = await objectOf(victim, image);
    const given = victim.upstream.count('GET', image.layerUrl);
    await rm(join(victim.program.data, 'blobs', 'objects', object.slice(0, 6), object));
    const { life } = victim;
    const ends = async () => {
      await victim.until('the layer is here again', () => isRead(victim, image));
      await readImage(victim, image);
      const again = victim.upstream.count('GET', image.layerUrl) - given;
      if (again < 1 || again > victim.mayAsk(life)) throw new Error(`it was fetched ${again} times`);
      await victim.until('what was lost is forgotten', async () =>
        (await storedObjects(victim)).every((each) => each.object !== object),
      );
    };
    return { run: ends, ends };
  },
};

/** The first who asks finds out, and is cut off or told that it is not there. */
async function isRead(victim: Victim, { path, layer }: VictimImage): Promise<boolean> {
  const read = readVerified(victim, `${path}/blobs/${layer}`, layer);
  return read.then(
    () => true,
    () => false,
  );
}
