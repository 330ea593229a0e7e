import { readImage } from '../client-read';
import { findOperation } from '../operations';
import type { Path } from '../path';
import { pulledImage } from './pull';

/** What has had its time is forgotten, and nothing that has not. */
export const forget: Path = {
  name: 'a look for what can be forgotten',
  place: 'folder',
  owns: ['metadata.forget-operations', 'metadata.forget-lapsed'],
  async prepare(victim) {
    const [image, key] = await pulledImage(victim);
    return {
      async run() {
        const since = victim.said;
        for (const step of forget.owns) await victim.passes(step, since);
      },
      async ends() {
        if (!(await findOperation(victim, key))) throw new Error('an operation that has just ended is forgotten');
        await readImage(victim, image);
      },
    };
  },
};
