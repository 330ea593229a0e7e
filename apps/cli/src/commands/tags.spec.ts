import { digestOf } from '../sample-answers.testing';
import { ScriptedWarehouse } from '../scripted-warehouse.testing';

const AT = '2026-01-31T12:00:00.000Z';
const one = digestOf('one');

describe('entrepot tags', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

  it('tags lists what each names, since when and by whom', async () => {
    const tag = { repository: 'team/app', name: '1', digest: one, movedAt: AT, movedBy: 'ann', operation: null };
    warehouse.on('GET /api/v1/tags', { json: [{ ...tag, confirmedAt: null }] });
    expect((await warehouse.run(['tags', 'team/app', '--name', '1*'])).out).toMatch(/^1 +[0-9a-f]{12} .* ago +ann$/m);
    expect(warehouse.asked[0]!.query).toEqual({ repository: 'team/app', name: '1*', limit: '1000' });
  });
});
