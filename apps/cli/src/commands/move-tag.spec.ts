import { digestOf } from '../sample-answers.testing';
import { problem, ScriptedWarehouse } from '../scripted-warehouse.testing';

const [one, other] = [digestOf('one'), digestOf('other')];
const moved = { repository: 'team/app', tag: '1', from: one, to: other };

describe('what a tag names', () => {
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
});
