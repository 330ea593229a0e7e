import type { Path } from '../path';
import { pullWalk } from './pull';

/** Everything that a start does before it is ready, with work that was left. */
export const startInPull: Path = {
  name: 'a start that finds a pull under way',
  place: 'folder',
  after: 'metadata.commit-extent:after',
  owns: [
    'blobs.fsync-folder',
    'metadata.claim-fills',
    'metadata.claim-operations',
    'metadata.end-leases',
    'metadata.hold-outbox',
    'metadata.note-presence',
    'standalone.record-children',
    'standalone.record-running',
  ],
  prepare: (victim) => pullWalk(victim),
};

/** Ctrl-C, while facts are on their way out. */
export const stop: Path = {
  name: 'an end',
  place: 'folder',
  owns: ['metadata.release-outbox'],
  async prepare(victim) {
    const { run, ends } = await pullWalk(victim);
    return {
      async run() {
        await run();
        await victim.stop();
      },
      ends,
    };
  },
};
