import { digestOf } from '../sample-answers.testing';
import { ScriptedWarehouse } from '../scripted-warehouse.testing';

const AT = '2026-01-31T12:00:00.000Z';
const one = digestOf('one');

describe('entrepot tag-history', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

  it('tag-history says what it named, and what it was new with', async () => {
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
});
