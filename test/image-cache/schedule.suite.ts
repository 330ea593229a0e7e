import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Schedule } from '#contracts/calls/schedules';
import type { Operation } from '#contracts/operation';
import { eventually } from '#testing/eventually';
import type { Stage } from './stage';

const PATH = '/api/v1/schedules/every-minute';
/** Of nothing that is here, so that it is in nobody's way. */
const BODY = { cron: '* * * * *', timeZone: 'Europe/Berlin', prune: { unused: true, repository: 'none/such' } };

/** A file of schedules: one that never comes while a test lasts. */
export async function writeSchedules(folder: string): Promise<string> {
  const path = join(folder, 'schedules.yaml');
  await writeFile(path, '# ours\nyearly:\n  cron: 0 3 29 2 *\n  prune: {repository: none/such}\n');
  return path;
}

/** A schedule is made, and what it did is looked at some time later: a minute is not waited for by itself. */
export function scheduleSuite(stage: Stage) {
  let dueAt: string;
  const read = async () => (await stage.warehouse.ask('GET', PATH)).json as Schedule;

  const begins = () => {
    it('says when it is due, whoever is asked', async () => {
      const made = await stage.warehouse.ask('PUT', PATH, BODY);
      expect(made).toMatchObject({ status: 201, json: { name: 'every-minute', firedAt: null } });
      dueAt = (made.json as Schedule).dueAt!;
      expect(await read()).toMatchObject({ dueAt });
    });

    it('of the file is there, and changed and taken away nowhere else', async () => {
      const path = '/api/v1/schedules/yearly';
      for (let asked = 0; asked < 2; asked += 1)
        expect(await stage.warehouse.ask('GET', path)).toMatchObject({ json: { source: 'configuration' } });
      for (const method of ['PUT', 'DELETE']) {
        const { status, text } = await stage.warehouse.ask(method, path, method === 'PUT' ? BODY : undefined);
        expect({ status, text }).toEqual({ status: 409, text: expect.stringContaining('line 2 of the file of') });
      }
    });
  };

  const hasFired = () => {
    it('has had each of its minutes done once, whichever replica looked', async () => {
      await eventually('it fires', async () => (await read()).firedAt !== null, { withinMs: 70_000 });
      expect((await stage.warehouse.ask('DELETE', PATH)).status).toBe(204);
      const { json } = await stage.warehouse.ask('GET', '/api/v1/operations?kind=prune&limit=1000');
      const fired = (json as Operation[]).filter(({ body }) => body.repository === BODY.prune.repository);
      const minutes = new Set(fired.map(({ acceptedAt }) => acceptedAt.slice(0, 16)));
      expect([...minutes]).toContain(dueAt.slice(0, 16));
      expect(fired).toHaveLength(minutes.size);
      for (const { id } of fired) expect(await stage.warehouse.ended(id)).toMatchObject({ state: 'completed' });
    }, 90_000);
  };
  return { begins, hasFired };
}
