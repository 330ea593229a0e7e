import { OpenSession } from '#contracts/calls/sessions';
import { parseRepositoryName } from '#oci/repository-name';
import type { Path, Walk } from '../path';
import { storedObjects } from '../stored-objects';
import type { Victim } from '../victim';

/** So short that it is over by the time of the next start. */
const IDLE = { ENTREPOT_SESSION_IDLE_MS: '1000' };

/** An upload that nobody writes: it runs out, and nothing is left of it. */
async function uploadWalk(victim: Victim): Promise<Walk> {
  const repository = parseRepositoryName('team/pushed');
  const ends = () =>
    victim
      .until('the upload runs out', async () => (await storedObjects(victim)).every(({ state }) => state === 'live'))
      .then(() => undefined);
  const run = async () => {
    await victim.call((calls) => calls.ask(OpenSession, { repository }));
    await ends();
  };
  return { run, ends };
}

export const upload: Path = {
  name: 'an upload that runs out',
  place: 'folder',
  settings: IDLE,
  owns: ['metadata.open-session'],
  prepare: uploadWalk,
};

export const startAfterUpload: Path = {
  ...upload,
  name: 'a start that finds an upload that ran out',
  after: 'metadata.open-session:after',
  owns: ['metadata.end-objects'],
};
