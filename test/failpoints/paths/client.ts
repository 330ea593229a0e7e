import { readImage, readVerified } from '../client-read';
import { holdLayer } from '../held-layer';
import { askFor, endsAs, findOperation } from '../operations';
import type { Path } from '../path';
import { untilGone } from '../stored-objects';
import type { Said } from '../victim';
import { newImage } from '../victim-image';

/** Nobody asked for it by message: it is fetched while the client reads. */
export const client: Path = {
  name: 'a client that pulls what is not here',
  place: 'folder',
  owns: ['metadata.confirm-tag', 'metadata.pin-blobs', 'metadata.pin-manifests', 'metadata.record-pulls'],
  async prepare(victim) {
    const image = newImage(victim);
    const { life } = victim;
    const run = async () => {
      const since = victim.said;
      await readImage(victim, image);
      // Its tag is asked for again, and its blobs are here.
      await readImage(victim, image);
      await victim.passes('metadata.record-pulls', since);
    };
    const ends = async () => {
      await readImage(victim, image);
      const asked = victim.upstream.count('GET', image.layerUrl);
      if (asked > victim.mayAsk(life)) throw new Error(`the upstream was asked for the layer ${asked} times`);
    };
    return { run, ends };
  },
};

/** It takes so long that it holds a lease, for which purge waits; of a dead one only until it runs out. */
export const longRead: Path = {
  name: 'a read that takes long',
  place: 'folder',
  owns: ['metadata.lease-object', 'metadata.release-object'],
  async prepare(victim) {
    const [image, key] = [newImage(victim), victim.newKey('remove')];
    const held = holdLayer(victim, image, { once: true });
    const leased = async (since: Said) => {
      await victim.passes('metadata.lease-object', since);
      held.release();
    };
    const run = async () => {
      const since = victim.said;
      await victim.alive(() => readVerified(victim, `${image.path}/manifests/1`));
      const read = victim.alive(() => readVerified(victim, `${image.path}/blobs/${image.layer}`, image.layer));
      await Promise.all([read, leased(since)]);
      await victim.passes('metadata.release-object', since);
    };
    const ends = async () => {
      held.release();
      if (!(await findOperation(victim, key))) {
        await readImage(victim, image);
        await askFor(victim, 'remove', key, image.reference);
      }
      await endsAs(victim, key);
      await untilGone(victim, image);
    };
    return { run, ends };
  },
};
