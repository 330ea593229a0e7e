import { CheckRows } from '#contracts/calls/collection';
import type { Path } from '../path';

export const check: Path = {
  name: 'a check of the rows',
  place: 'folder',
  owns: ['metadata.check-rows'],
  async prepare(victim) {
    const run = async () => {
      const { faults } = await victim.call((calls) => calls.ask(CheckRows, {}));
      if (faults.length > 0) throw new Error(faults.join('\n'));
    };
    return { run, ends: run };
  },
};
