import { unavailable } from '#oci/registry-error';
import { openFace } from './open-face';
import { beginDraining, Readiness } from './readiness';

const bus = { state: () => ({ connected: false, server: null, fault: 'away' }) };

async function ask(path: string, needs: Record<string, () => Promise<string | null>> = {}) {
  const answer = await openFace(new Readiness(needs, bus))(path);
  return (
    answer && {
      status: answer.status,
      body: answer.type === 'application/json' ? JSON.parse(answer.body) : answer.body,
    }
  );
}

test('alive is said without asking anybody', async () => {
  const store = jest.fn();
  expect(await ask('/livez', { store })).toEqual({ status: 200, body: { status: 'alive' } });
  expect(store).not.toHaveBeenCalled();
});

test('ready says each need by name, and what is away, but of the bus only that', async () => {
  const here = async () => null;
  const low = async () => 'it is nearly full';
  expect(await ask('/readyz', { database: here, store: low })).toEqual({
    status: 200,
    body: { status: 'ready', database: 'ok', store: 'ok, but it is nearly full', bus: 'away' },
  });
  const away = () => Promise.reject(unavailable('Postgres'));
  const odd = () => Promise.reject(new Error('secret'));
  expect(await ask('/readyz', { database: away, store: here, other: odd })).toMatchObject({
    status: 503,
    body: {
      status: 'not ready',
      database: 'Postgres is not available at the moment',
      store: 'ok',
      other: 'an internal error: the log says more',
    },
  });
});

test('figures are those of the process', async () => {
  expect(await ask('/metrics')).toMatchObject({ status: 200, body: expect.stringContaining('# TYPE') });
});

test('there is nothing else', async () => {
  expect(await ask('/')).toBeUndefined();
  expect(await ask('/constructor')).toBeUndefined();
});

test('a process that ends is not ready, although it could', async () => {
  beginDraining();
  expect(await ask('/readyz', { database: async () => null })).toEqual({
    status: 503,
    body: { status: 'draining', database: 'ok', bus: 'away' },
  });
});
