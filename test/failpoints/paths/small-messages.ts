import { ListDeadLetters } from '#contracts/calls/dead-letters';
import { readImage } from '../client-read';
import type { Path } from '../path';
import type { Victim } from '../victim';
import { newImage } from '../victim-image';
import { pullWalk } from './pull';

const deadLetters = (victim: Victim) =>
  victim.call(async (calls) => (await calls.ask(ListDeadLetters, { limit: 1000 })).letters);

/** What is too large for the bus is a dead letter, once, and holds up nobody. */
export const tooLargeFact: Path = {
  name: 'a fact that the bus does not take',
  place: 'small messages',
  owns: ['messaging.publish-dead-fact'],
  async prepare(victim) {
    const before = (await deadLetters(victim)).length;
    const image = newImage(victim, { name: 'long'.repeat(55) });
    const { run, ends } = await pullWalk(victim, image);
    const isSaid = async () =>
      (await deadLetters(victim)).some(({ subject }, n) => n >= before && /completed$/.test(subject));
    return {
      async run() {
        await run();
        await victim.until('the image is said to be complete', isSaid);
      },
      async ends() {
        await ends();
        await victim.until('the image is said to be complete', isSaid);
        const subjects = (await deadLetters(victim)).slice(before).map(({ subject }) => subject);
        if (new Set(subjects).size !== subjects.length) throw new Error(`dead letters: ${subjects.join(', ')}`);
        await readImage(victim, image);
      },
    };
  },
};
