import { digestOf } from '../sample-answers.testing';
import { problem, ScriptedWarehouse } from '../scripted-warehouse.testing';

const AT = '2026-01-31T12:00:00.000Z';
const [one, other] = [digestOf('one'), digestOf('other')];
const moved = { repository: 'team/app', tag: '1', from: one, to: other };

describe('names', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

  it('tag gives a name, and says what it named before', async () => {
    warehouse.on('PUT /api/v1/tags', { json: moved });
    const name = `${warehouse.host}/team/app:1`;
    expect((await warehouse.run(['tag', 'node:22', name])).out).toBe(
      `${name} names ${other.slice(7, 19)}; before, it named ${one.slice(7, 19)}\n`,
    );
    expect(warehouse.asked[0]).toMatchObject({ body: { source: 'node:22', target: name } });
    expect(warehouse.asked[0]!.headers['idempotency-key']).toBeDefined();
    expect((await warehouse.run(['tag', 'a', 'b', '-o', 'name'])).out).toBe(`${name}\n`);
  });

  it('what it must name now, or that it must be new, is a condition', async () => {
    warehouse.on('PUT /api/v1/tags', problem(412, 'PRECONDITION', 'it names another'));
    expect(await warehouse.run(['tag', 'a', 'b', '--expected', one])).toMatchObject({ code: 5, out: '' });
    expect(await warehouse.run(['tag', 'a', 'b', '--new'])).toMatchObject({ code: 5, out: '' });
    expect(warehouse.asked[0]!.headers['if-match']).toBe(`"${one}"`);
    expect(warehouse.asked[1]!.headers['if-none-match']).toBe('*');
    expect(await warehouse.run(['tag', 'a', 'b', '--new', '--expected', one])).toMatchObject({ code: 2 });
    expect(await warehouse.run(['tag', 'a', 'b', '--expected', 'abc'])).toMatchObject({ code: 2 });
    expect(await warehouse.run(['tag', 'a'])).toMatchObject({ code: 2 });
    expect(warehouse.asked).toHaveLength(2);
  });

  it('untag and rollback', async () => {
    warehouse.on('DELETE /api/v1/tags', { json: { ...moved, to: null } });
    warehouse.on('POST /api/v1/tags/rollback', { json: { ...moved, from: other, to: one } });
    expect((await warehouse.run(['untag', 'r:1'])).out).toContain(`is taken away; it named ${one.slice(7, 19)}\n`);
    expect(warehouse.asked[0]!.query).toEqual({ reference: 'r:1' });
    await warehouse.run(['rollback', 'r:1', '--to', one, '--expected', other]);
    expect(warehouse.asked[1]).toMatchObject({
      body: { reference: 'r:1', to: one },
      headers: { 'if-match': `"${other}"` },
    });
    expect(await warehouse.run(['rollback', 'r:1', '--to', 'yesterday'])).toMatchObject({ code: 2, out: '' });
  });

  it('tags and their history', async () => {
    const tag = { repository: 'team/app', name: '1', digest: one, movedAt: AT, movedBy: 'ann', operation: null };
    warehouse.on('GET /api/v1/tags', { json: [{ ...tag, confirmedAt: null }] });
    expect((await warehouse.run(['tags', 'team/app', '--name', '1*'])).out).toMatch(/^1 +[0-9a-f]{12} .* ago +ann$/m);
    expect(warehouse.asked[0]!.query).toEqual({ repository: 'team/app', name: '1*', limit: '1000' });
    const move = { repository: 'team/app', tag: '1', movedAt: AT, movedBy: 'ann', operation: null, held: true };
    warehouse.on('GET /api/v1/tags/history', {
      json: [
        { ...move, from: one, to: null },
        { ...move, from: null, to: one },
      ],
    });
    const { out } = await warehouse.run(['tag-history', 'r:1']);
    expect(out).toMatch(/\(taken away\) +ann$/m);
    expect(out).toMatch(/\(new\) +[0-9a-f]{12} +ann +yes$/m);
    expect((await warehouse.run(['tag-history', 'r:1', '-o', 'name'])).out).toBe(`${one}\n`);
  });

  it('repositories, also those that were not counted yet', async () => {
    const counted = {
      manifests: 1,
      tags: 2,
      blobs: 3,
      bytes: 4000,
      uniqueBytes: 5,
      pulls: 6,
      pulledAt: null,
      asOf: AT,
    };
    const repository = { name: 'team/app', upstream: null, private: false, createdAt: AT };
    warehouse.on('GET /api/v1/repositories', {
      json: [
        { ...repository, counted },
        { ...repository, counted: null },
      ],
    });
    const { out } = await warehouse.run([
      'repositories',
      'team/*',
      '--kind',
      'local',
      '--public',
      '--upstream',
      'docker.io',
    ]);
    expect(out).toMatch(/^team\/app +1 +2 +4.00 kB +5 B$/m);
    expect(out).toMatch(/^team\/app$/m);
    expect(warehouse.asked[0]!.query).toEqual({
      name: 'team/*',
      kind: 'local',
      upstream: 'docker.io',
      private: 'false',
      limit: '1000',
    });
    expect(await warehouse.run(['repositories', '--public', '--private'])).toMatchObject({ code: 2 });
    expect(await warehouse.run(['repositories', '--kind', 'foreign'])).toMatchObject({ code: 2 });
  });
});
