import type { Schedule } from '#contracts/calls/schedules';
import { endsAs } from '../operations';
import type { Path } from '../path';
import { untilGone } from '../stored-objects';
import type { Victim } from '../victim';
import { pulledImage } from './pull';

/** Asked again it is the same: a status that says otherwise is a fault. */
async function ask(victim: Victim, method: string, path: string, body?: unknown, key?: string): Promise<unknown> {
  const headers = key === undefined ? undefined : { 'idempotency-key': key };
  const { status, text, json } = await victim.ask(method, `/api/v1/${path}`, body, headers);
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${text}`);
  return json;
}

/** An image is pruned until its last byte is gone, and the run of that has ended. */
export const prune: Path = {
  name: 'a prune',
  place: 'folder',
  owns: ['metadata.prune-images', 'metadata.end-collection'],
  async prepare(victim) {
    const [[image], key] = [await pulledImage(victim), victim.newKey('prune')];
    const repository = image.path.slice('/v2/'.length);
    const run = async () => {
      await ask(victim, 'POST', 'prune', { unused: true, repository, confirm: 1 }, key);
      const { outcome } = await endsAs(victim, key);
      if (outcome?.removed !== 1) throw new Error(`it was not pruned: ${JSON.stringify(outcome)}`);
      await untilGone(victim, image);
    };
    return { run, ends: run };
  },
};

/** It stands still, and goes on. */
export const pause: Path = {
  name: 'a pause of cleanup',
  place: 'folder',
  owns: ['metadata.pause-cleanup', 'metadata.resume-cleanup'],
  async prepare(victim) {
    const run = async () => {
      await ask(victim, 'POST', 'gc/pause', {});
      await ask(victim, 'POST', 'gc/resume', {});
      const { paused } = (await ask(victim, 'GET', 'gc')) as { paused: boolean };
      if (paused) throw new Error('it stands still');
    };
    return { run, ends: run };
  },
};

/** A minute is the shortest that a schedule waits, in milliseconds, and then some. */
const NEXT_MINUTE_MS = 180_000;

const EVERY_MINUTE = { cron: '* * * * *', prune: { repository: 'docker.io/nobody/nothing' } };

async function dropSchedule(victim: Victim, path: string): Promise<void> {
  const { status, text } = await victim.ask('DELETE', `/api/v1/${path}`);
  if (status !== 204 && status !== 404) throw new Error(`DELETE ${path}: ${status} ${text}`);
}

/** It is there as soon as it was said, and is taken away. */
export const schedule: Path = {
  name: 'a schedule',
  place: 'folder',
  owns: ['metadata.put-schedule', 'metadata.delete-schedule'],
  async prepare(victim) {
    const path = `schedules/${victim.newKey('schedule')}`;
    const run = async () => {
      await ask(victim, 'PUT', path, EVERY_MINUTE);
      const { dueAt } = (await ask(victim, 'GET', path)) as Schedule;
      if (dueAt === null) throw new Error('it has no time');
      await dropSchedule(victim, path);
    };
    return { run, ends: run };
  },
};

/** Its time is accepted once. */
export const scheduledTime: Path = {
  name: 'a schedule whose time comes',
  place: 'folder',
  owns: ['metadata.move-schedule'],
  async prepare(victim) {
    const path = `schedules/${victim.newKey('schedule')}`;
    let hasFired = false;
    const run = async () => {
      if (!hasFired) {
        await ask(victim, 'PUT', path, EVERY_MINUTE);
        const fired = async () => ((await ask(victim, 'GET', path)) as Schedule).firedAt;
        await victim.until('it is done by the clock', fired, NEXT_MINUTE_MS);
        hasFired = true;
      }
      await dropSchedule(victim, path);
    };
    return { run, ends: run };
  },
};
