import { holdLayer } from '../held-layer';
import type { Path } from '../path';
import { newImage } from '../victim-image';
import { pullWalk } from './pull';

/** The upstream takes its time, and the leases are renewed meanwhile. */
export const slowPull: Path = {
  name: 'a slow pull',
  place: 'folder',
  owns: ['metadata.renew-operations', 'metadata.renew-fills'],
  async prepare(victim) {
    const image = newImage(victim);
    const held = holdLayer(victim, image, { once: true });
    const { run, ends } = await pullWalk(victim, image);
    return {
      async run() {
        const since = victim.said;
        const pulled = run();
        const renewed = async () => {
          await held.asked();
          for (const step of slowPull.owns) await victim.passes(step, since);
          held.release();
        };
        await Promise.all([pulled, renewed()]);
      },
      async ends() {
        held.release();
        await ends();
      },
    };
  },
};
