import { createServer } from 'node:net';
import { sampleImage } from './sample-answers.testing';
import { problem, ScriptedWarehouse } from './scripted-warehouse.testing';

describe('a server that does not answer as it should', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

  it('is not there: one clear line, exit code 1', async () => {
    const url = await closedPort();
    const { code, out, err } = await warehouse.run(['images', '--url', url]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toBe(
      `error: no answer from ${url}: nothing listens there. Start it with npm start, or say where it is with --url or ENTREPOT_URL\n`,
    );
  });

  it.each([
    ['INVALID', 400, 2],
    ['UNAUTHORIZED', 401, 4],
    ['DENIED', 403, 4],
    ['NOT_FOUND', 404, 3],
    ['CONFLICT', 409, 5],
    ['PRECONDITION', 412, 5],
    ['INTERNAL', 500, 1],
    ['UNAVAILABLE', 503, 1],
  ])('%s is said on stderr alone, exit code by its kind', async (code, status, exit) => {
    warehouse.on('GET /api/v1/images', problem(status, code, 'because'));
    expect(await warehouse.run(['images', '-o', 'json'])).toEqual({ code: exit, out: '', err: 'error: because\n' });
  });

  it.each([
    ['a page of a proxy', { status: 502, text: '<html>', headers: { 'Content-Type': 'text/html' } }, /is no Entrepot/],
    ['no JSON', { text: '<html>' }, /a list was expected/],
    ['no list', { json: { images: [] } }, /a list was expected/],
    ['another shape', { json: [sampleImage({ size: 'large' })] }, /0?.*size: .*expected number/i],
    ['a problem that is none', { status: 500, text: 'oops' }, /answered 500|is no Entrepot/],
  ])('%s is said, not crashed on', async (_, reply, message) => {
    warehouse.on('GET /api/v1/images', reply);
    const { code, out, err } = await warehouse.run(['images']);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(message);
    expect(err).not.toContain('    at ');
  });

  it('that ends in the middle of an answer is a failure', async () => {
    warehouse.on('GET /api/v1/images', (response) => {
      response.writeHead(200, { 'Content-Length': '100' }).write('[');
      setImmediate(() => response.destroy());
    });
    expect(await warehouse.run(['images'])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/no answer/),
    });
  });

  it('below a path is asked below it', async () => {
    await warehouse.run(['images', '--url', `${warehouse.url}/warehouse/`]);
    expect(warehouse.asked[0]!.path).toBe('/warehouse/api/v1/images');
  });
});

async function closedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}
