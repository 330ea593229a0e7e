import { holdLayer } from '../held-layer';
import { askFor, endsAs, findOperation } from '../operations';
import type { Path } from '../path';
import { untilGone } from '../stored-objects';
import { newImage } from '../victim-image';

/** Called off while its layer comes; what was fetched for nobody goes. */
export const cancel: Path = {
  name: 'a pull that is called off',
  place: 'folder',
  owns: ['metadata.cancel-operation', 'metadata.end-cancelled'],
  async prepare(victim) {
    const [image, key] = [newImage(victim), victim.newKey('cancelled')];
    const held = holdLayer(victim, image);
    const callOff = async () => {
      const operation = await findOperation(victim, key);
      if (operation?.endedAt) return;
      const { status, text } = await victim.ask('DELETE', `/api/v1/operations/${operation?.id}`);
      if (status !== 202 && status !== 409) throw new Error(`${status} ${text}`);
    };
    const run = async () => {
      await askFor(victim, 'pull', key, image.reference);
      await held.asked();
      await callOff();
      await endsAs(victim, key, 'cancelled');
    };
    const ends = async () => {
      await askFor(victim, 'pull', key, image.reference);
      await callOff();
      await endsAs(victim, key, 'cancelled');
      held.release();
      await untilGone(victim, image);
    };
    return { run, ends };
  },
};
