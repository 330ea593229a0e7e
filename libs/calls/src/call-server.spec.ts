import { once } from 'node:events';
import { request } from 'node:http';
import { Logger } from '@nestjs/common';
import type { CallRegistry } from './call-registry';
import { CallServer } from './call-server';
import { CAPABILITY_MS, signCapability } from './capability';

const secret = new Uint8Array(32).fill(7);
let server: CallServer | undefined;
let arrived: Promise<void>;
afterEach(() => server?.close(0));

/** A server whose every call hangs until it is given up. */
async function listen(): Promise<number> {
  let arrive = () => {};
  arrived = new Promise((resolve) => {
    arrive = resolve;
  });
  const answer = () => {
    arrive();
    return new Promise<Buffer>(() => {});
  };
  const registry = { answer, nameOf: String } as unknown as CallRegistry;
  const open = (path: string) =>
    path === '/livez' ? Promise.resolve({ status: 200, type: 'text/plain', body: 'alive' }) : undefined;
  server = new CallServer(registry, secret, open);
  return server.listen('127.0.0.1', 0);
}

it('answers what is open to whoever asks, and nothing else without a capability', async () => {
  const url = `http://127.0.0.1:${await listen()}`;
  const alive = await fetch(`${url}/livez`);
  expect([alive.status, await alive.text()]).toEqual([200, 'alive']);
  expect((await fetch(`${url}/livez`, { method: 'HEAD' })).status).toBe(200);
  expect((await fetch(`${url}/livez`, { method: 'POST' })).status).toBe(404);
  expect((await fetch(`${url}/other`)).status).toBe(404);
  expect((await fetch(`${url}/__proto__`)).status).toBe(404);
  const refused = await fetch(`${url}/calls/metadata.ping`, { method: 'POST' });
  expect(refused.headers.get('entrepot-error')).toBe('true');
  expect(await refused.text()).toContain('DENIED');
});

it.each(['//', 'http://', '//:x'])('has nothing at %s, and writes no line of it for whoever asks', async (path) => {
  const [port, said] = [await listen(), jest.spyOn(Logger.prototype, 'warn').mockImplementation()];
  const [answer] = await once(request({ port, host: '127.0.0.1', path }).end(), 'response');
  expect(answer.resume().statusCode).toBe(404);
  expect(said).not.toHaveBeenCalled();
  said.mockRestore();
});

it('that ends cuts off what takes longer than it may', async () => {
  const port = await listen();
  const expires = Date.now() + CAPABILITY_MS;
  const capability = signCapability(secret, { method: 'ask', object: 'metadata.ping', expires });
  const headers = { authorization: `Capability ${capability}` };
  const asked = request({ port, host: '127.0.0.1', path: '/calls/metadata.ping', method: 'POST', headers }).end();
  const cut = once(asked, 'error');
  await arrived;
  await server!.close(50);
  expect((await cut)[0]).toMatchObject({ code: 'ECONNRESET' });
});
