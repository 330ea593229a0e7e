import { problem, ScriptedWarehouse } from '../scripted-warehouse.testing';

const user = { name: 'ci', principal: 'u1', createdAt: '2026-01-31T12:00:00.000Z', createdBy: 'anonymous' };

describe('entrepot bus-users', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

  it('add shows the password this once, with all that its program has to know', async () => {
    warehouse.on('POST /api/v1/bus-users', { status: 201, json: { ...user, password: 'pass-word' } });
    const { out, code } = await warehouse.run(['bus-users', 'add', 'ci']);
    expect(code).toBe(0);
    for (const line of ['User: +u1', 'Password: +pass-word .*', 'Asks on: +entrepot\\.request\\.<verb>\\.u1'])
      expect(out).toMatch(new RegExp(`^${line}$`, 'm'));
    expect(warehouse.asked[0]!.body).toEqual({ name: 'ci' });
  });

  it('ls and rm', async () => {
    warehouse.on('GET /api/v1/bus-users', { json: [user] });
    warehouse.on('DELETE /api/v1/bus-users/ci', { status: 204 });
    expect((await warehouse.run(['bus-users', 'ls'])).out).toMatch(/^ci +u1 +.* +anonymous$/m);
    expect((await warehouse.run(['bus-users', 'ls', '-o', 'name'])).out).toBe('ci\n');
    expect(await warehouse.run(['bus-users', 'rm', 'ci'])).toEqual({ code: 0, out: '', err: 'ci is gone\n' });
  });

  it('a name that is taken is a conflict', async () => {
    warehouse.on('POST /api/v1/bus-users', problem(409, 'CONFLICT', 'there is one'));
    expect(await warehouse.run(['bus-users', 'add', 'ci'])).toMatchObject({ code: 5, out: '' });
  });
});
