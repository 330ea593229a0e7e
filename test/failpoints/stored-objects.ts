import { ListObjects } from '#contracts/calls/collection';
import type { AnswerOf } from '#contracts/define-call';
import type { ScriptedImage } from '#testing/scripted-image';
import type { Victim } from './victim';

type StoredObject = AnswerOf<typeof ListObjects>['objects'][number];

/** Every object that there is a row of. Throws Died. */
export function storedObjects(victim: Victim): Promise<StoredObject[]> {
  return victim.call(async (calls) => {
    const all: StoredObject[] = [];
    for (let after: string | undefined; ; ) {
      const { objects, next } = await calls.ask(ListObjects, { limit: 1000, ...(after ? { after } : {}) });
      all.push(...objects);
      if (next === null) return all;
      after = next;
    }
  });
}

/** The object that a layer is read from. */
export async function objectOf(victim: Victim, { layer }: ScriptedImage): Promise<string> {
  const found = (await storedObjects(victim)).find(({ digest, state }) => digest === layer && state === 'live');
  if (!found) throw new Error(`no live object has ${layer}`);
  return found.object;
}

/** Waits until no bytes of an image are left, nor a row of them. */
export async function untilGone(victim: Victim, { layer, config, path }: ScriptedImage): Promise<void> {
  await victim.until(`every byte of ${path} goes`, async () => {
    const left = (await storedObjects(victim)).filter(({ digest }) => digest === layer || digest === config);
    if (left.length > 0) throw new Error(JSON.stringify(left));
    return true;
  });
}

/** Waits until every upload has ended, one way or the other, and all that goes is gone: nothing was forgotten. */
export async function untilSettled(victim: Victim): Promise<void> {
  await victim.until('nothing is on its way in or out', async () => {
    const moving = (await storedObjects(victim)).filter(({ state }) => state !== 'live');
    if (moving.length > 0) throw new Error(JSON.stringify(moving));
    return true;
  });
}
