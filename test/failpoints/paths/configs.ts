import type { Path } from '../path';
import { newImage } from '../victim-image';
import { pullWalk } from './pull';

/** What its config says is known: it is found by it. */
export const configs: Path = {
  name: 'a pull, until the config was read',
  place: 'folder',
  owns: ['metadata.take-configs', 'metadata.record-configs'],
  async prepare(victim) {
    const image = newImage(victim);
    const { run, ends } = await pullWalk(victim, image);
    const query = `repository=${image.path.slice('/v2/'.length)}&label=app=${encodeURIComponent(image.name)}`;
    const isFound = () =>
      victim.until('it is found by its label', async () => {
        const { json } = await victim.ask('GET', `/api/v1/images?${query}`);
        return (json as unknown[]).length === 1;
      });
    return {
      async run() {
        await run();
        await isFound();
      },
      async ends() {
        await ends();
        await isFound();
      },
    };
  },
};
