import { completed, digestOf, OPERATION, sampleOperation } from '../sample-answers.testing';
import { events, problem, ScriptedWarehouse } from '../scripted-warehouse.testing';

const EVENTS = `GET /api/v1/operations/${OPERATION}/events` as const;
const NAME = `docker.io/library/alpine@${digestOf('alpine')}\n`;

describe('entrepot pull', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  beforeEach(() => warehouse.on('POST /api/v1/operations', { status: 202, json: sampleOperation() }));
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

  const layers = [{ digest: digestOf('layer'), state: 'filling', done: 500_000, size: 1_000_000 }];
  const running = sampleOperation({ state: 'running', layers, bytesDone: 500_000, bytesTotal: 1_000_000 });

  it('waits, and what it pulled is alone on stdout', async () => {
    warehouse.on(EVENTS, events(['operation', '1', running], ['operation', '2', completed()]));
    expect(await warehouse.run(['pull', 'alpine:3'])).toEqual({ code: 0, out: NAME, err: '' });
    const [{ body, headers }] = warehouse.asked as [(typeof warehouse.asked)[0]];
    expect(body).toEqual({ kind: 'pull', reference: 'alpine:3' });
    expect(headers['idempotency-key']).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('shows layers on a terminal, on stderr, and leaves nothing of them', async () => {
    warehouse.on(EVENTS, events(['operation', '1', running], ['operation', '2', completed()]));
    const { out, err } = await warehouse.run(['pull', 'alpine:3'], { isTerminal: true });
    expect(out).toBe(NAME);
    expect(err).toContain('[==========          ]  500 kB of 1.00 MB');
    expect(err.endsWith('\x1b[1A\x1b[0J0 blobs, 0 B, in 0 s\n')).toBe(true);
  });

  it.each([{ CI: 'true' }, { TERM: 'dumb' }])('is quiet where %j', async (env) => {
    warehouse.on(EVENTS, events(['operation', '1', running], ['operation', '2', completed()]));
    const { err } = await warehouse.run(['pull', 'alpine:3'], { isTerminal: true, env: env as Record<string, string> });
    expect(err).not.toContain('\x1b');
    expect(err).not.toContain('500 kB');
  });

  it('--platform and --all-platforms say what of an index', async () => {
    warehouse.on(EVENTS, events(['operation', '2', completed()]));
    await warehouse.run(['pull', 'a', '--platform', 'linux/amd64', '--platform', 'linux/arm64']);
    expect(warehouse.asked[0]!.body).toMatchObject({ platforms: ['linux/amd64', 'linux/arm64'] });
    warehouse.asked.length = 0;
    await warehouse.run(['pull', 'a', '--all-platforms']);
    expect(warehouse.asked[0]!.body).toMatchObject({ platforms: 'all' });
    expect(await warehouse.run(['pull', 'a', '--all-platforms', '--platform', 'x'])).toMatchObject({ code: 2 });
  });

  it('--no-wait answers with the operation', async () => {
    const { code, out } = await warehouse.run(['pull', 'alpine:3', '--no-wait', '-o', 'name']);
    expect({ code, out }).toEqual({ code: 0, out: `${OPERATION}\n` });
    expect(warehouse.asked).toHaveLength(1);
  });

  it('follows on where the server restarts meanwhile', async () => {
    const broken = (response: import('node:http').ServerResponse) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(': \n\n');
      setImmediate(() => response.destroy());
    };
    warehouse.on(EVENTS, broken, problem(503, 'UNAVAILABLE', 'later'), events(['operation', '2', completed()]));
    expect(await warehouse.run(['pull', 'alpine:3'])).toMatchObject({ code: 0, out: NAME });
    expect(warehouse.asked).toHaveLength(4);
  });

  it.each([
    ['MANIFEST_UNKNOWN', 3],
    ['DENIED', 4],
    ['CONFLICT', 5],
    ['UPSTREAM', 1],
  ])('that failed by %s says why on stderr alone, exit code %d', async (code, exit) => {
    const failed = { ...completed(), state: 'failed', error: { code, message: 'no such tag' }, outcome: null };
    warehouse.on(EVENTS, events(['operation', '2', failed]));
    expect(await warehouse.run(['pull', 'x'])).toEqual({ code: exit, out: '', err: 'error: no such tag\n' });
  });

  it('that was called off is a failure', async () => {
    warehouse.on(EVENTS, events(['operation', '2', { ...completed(), state: 'cancelled' }]));
    expect(await warehouse.run(['pull', 'x'])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining(OPERATION),
    });
  });

  it('Ctrl-C leaves it running and says how to follow it, exit code 130', async () => {
    const interruption = new AbortController();
    warehouse.on(EVENTS, (response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write(`event: operation\nid: 1\ndata: ${JSON.stringify(running)}\n\n`);
      setImmediate(() => interruption.abort());
    });
    const { code, out, err } = await warehouse.run(['pull', 'x'], { interrupted: interruption.signal });
    expect({ code, out }).toEqual({ code: 130, out: '' });
    expect(err).toContain(`entrepot operations follow ${OPERATION}`);
    expect(warehouse.asked.map(({ method }) => method)).toEqual(['POST', 'GET']);
  });
});
