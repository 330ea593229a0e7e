import { completed, OPERATION, sampleOperation } from '../sample-answers.testing';
import { events, problem, ScriptedWarehouse } from '../scripted-warehouse.testing';

const ONE = `/api/v1/operations/${OPERATION}` as const;

describe('entrepot operations', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

  it('ls lists them, those of kinds that came later too', async () => {
    warehouse.on('GET /api/v1/operations', { json: [sampleOperation(), sampleOperation({ kind: 'warm' })] });
    const { code, out } = await warehouse.run(['operations', 'ls', '--kind', 'pull', '--state', 'accepted']);
    expect(code).toBe(0);
    expect(out).toMatch(/ warm /);
    expect(warehouse.asked[0]!.query).toEqual({ kind: 'pull', state: 'accepted', limit: '20' });
    expect(await warehouse.run(['operations', 'ls', '--kind', 'dance'])).toMatchObject({ code: 2, out: '' });
  });

  it('show, cancel and follow', async () => {
    warehouse.on(`GET ${ONE}`, { json: sampleOperation() });
    warehouse.on(`DELETE ${ONE}`, { status: 202, json: sampleOperation({ state: 'cancelled' }) });
    warehouse.on(`GET ${ONE}/events`, events(['operation', '1', completed({ a: 1 })]));
    expect((await warehouse.run(['operations', 'show', OPERATION])).out).toContain(`Operation:  ${OPERATION}\n`);
    expect((await warehouse.run(['operations', 'cancel', OPERATION, '-o', 'name'])).out).toBe(`${OPERATION}\n`);
    const { code, out } = await warehouse.run(['operations', 'follow', OPERATION, '-o', 'json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ state: 'completed', outcome: { a: 1 } });
  });

  it('follow ends as the operation did', async () => {
    const failed = completed(null as never, { state: 'failed', error: { code: 'CONFLICT', message: 'in use' } });
    warehouse.on(`GET ${ONE}`, { json: failed });
    expect(await warehouse.run(['operations', 'follow', OPERATION])).toEqual({
      code: 5,
      out: '',
      err: 'error: in use\n',
    });
  });

  it('an id cannot lead to another path', async () => {
    warehouse.on('GET /api/v1/images', { json: [] });
    expect(await warehouse.run(['operations', 'show', '../images'])).toMatchObject({ code: 3, out: '' });
    expect(warehouse.asked[0]!.path).toBe('/api/v1/operations/..%2Fimages');
  });

  it('one that is not there is exit code 3', async () => {
    warehouse.on(`DELETE ${ONE}`, problem(404, 'NOT_FOUND', 'no operation'));
    expect(await warehouse.run(['operations', 'cancel', OPERATION])).toEqual({
      code: 3,
      out: '',
      err: 'error: no operation\n',
    });
  });
});
