import { ListDeadLetters, ReplayDeadLetter } from '#contracts/calls/dead-letters';
import { untilTakenIn, withBus, withServiceBus } from '../bus';
import { readImage } from '../client-read';
import { endsAs } from '../operations';
import type { Path } from '../path';
import type { Victim } from '../victim';
import { newImage } from '../victim-image';

const SUBJECT = 'entrepot.request.pull';

function event(id: string, data: object): string {
  const type = 'dev.entrepot.request.pull.v1';
  return JSON.stringify({ specversion: '1.0', id, source: '/failpoints', type, data });
}

/** Publishes once, whatever dies: what the bus has taken is not published again. */
function published(victim: Victim, body: string): () => Promise<void> {
  let isThere = false;
  return async () => {
    if (isThere) return;
    await withBus(victim, (wire) => wire.publish(SUBJECT, body));
    isThere = true;
  };
}

const deadLetters = (victim: Victim) =>
  victim.call(async (calls) => (await calls.ask(ListDeadLetters, { limit: 100 })).letters);

export const message: Path = {
  name: 'a pull by message',
  place: 'folder',
  owns: ['metadata.accept-operation', 'messaging.ack-message'],
  async prepare(victim) {
    const [image, key] = [newImage(victim), victim.newKey('message')];
    const publish = published(victim, event(key, { reference: image.reference }));
    const run = async () => {
      await publish();
      await untilTakenIn(victim);
      await endsAs(victim, key);
    };
    const ends = async () => {
      await run();
      await readImage(victim, image);
    };
    return { run, ends };
  },
};

export const refusedMessage: Path = {
  name: 'a message that is refused',
  place: 'folder',
  owns: ['metadata.refuse-operation'],
  async prepare(victim) {
    const key = victim.newKey('refused');
    const publish = published(victim, event(key, { reference: 'No:Such:Reference' }));
    const run = async () => {
      await publish();
      await untilTakenIn(victim);
      await endsAs(victim, key, 'failed');
    };
    return { run, ends: run };
  },
};

export const poison: Path = {
  name: 'a message that nobody can handle',
  place: 'folder',
  owns: ['messaging.publish-dead-letter', 'messaging.end-message'],
  async prepare(victim) {
    const before = (await deadLetters(victim)).length;
    const publish = published(victim, `{"reference": half of ${victim.newKey('a JSON')}`);
    const run = async () => {
      await publish();
      await untilTakenIn(victim);
    };
    const ends = async () => {
      await run();
      const made = (await deadLetters(victim)).length - before;
      if (made !== 1) throw new Error(`it made ${made} dead letters`);
    };
    return { run, ends };
  },
};

export const replay: Path = {
  name: 'a dead letter that is sent again',
  place: 'folder',
  owns: ['messaging.publish-replay', 'messaging.drop-dead-letter'],
  async prepare(victim) {
    const [image, key] = [newImage(victim), victim.newKey('replayed')];
    const mine = async () => (await deadLetters(victim)).find(({ messageId }) => messageId === key);
    await bury(victim, key, event(key, { reference: image.reference }));
    await victim.until('the dead letter is there', mine);
    const run = async () => {
      const letter = await mine();
      if (letter) await victim.call((calls) => calls.ask(ReplayDeadLetter, { sequence: letter.sequence }));
      if (await mine()) throw new Error('it is a dead letter still');
      await untilTakenIn(victim);
      await endsAs(victim, key);
    };
    const ends = async () => {
      await run();
      await readImage(victim, image);
    };
    return { run, ends };
  },
};

/** As what could not be handled in its time, and could be now. */
async function bury(victim: Victim, messageId: string, body: string): Promise<void> {
  const headers = {
    'Entrepot-Dead-Subject': SUBJECT,
    'Entrepot-Dead-Reason': 'gave up',
    'Entrepot-Dead-Key': messageId,
    'Entrepot-Dead-Deliveries': '8',
    'Entrepot-Dead-Message-Id': messageId,
  };
  await withServiceBus(victim, (wire) => wire.publishWith(headers, 'entrepot.dead.ENTREPOT_REQUESTS', body));
}
