import { ScriptedWarehouse } from '../scripted-warehouse.testing';

const AT = '2026-01-31T12:00:00.000Z';

describe('entrepot repositories', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

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
