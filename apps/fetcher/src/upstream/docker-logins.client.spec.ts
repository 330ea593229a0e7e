import { chmod, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { DockerLogins } from './docker-logins.client';

let folder: string;
const path = process.env.PATH;

beforeAll(async () => {
  folder = await tempFolder('docker');
  process.env.PATH = `${folder}${delimiter}${path}`;
});
afterAll(async () => {
  process.env.PATH = path;
  await removeFolder(folder);
});

async function helper(name: string, script: string): Promise<void> {
  const file = join(folder, `docker-credential-${name}`);
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
}

async function find(domain: string, config: unknown, timeoutMs = 5_000) {
  await writeFile(join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  return new DockerLogins(folder, timeoutMs).find(domain);
}

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') });
const LOGIN = { username: 'me', password: 'pass:word' };

it.each([
  ['docker.io', { 'https://index.docker.io/v1/': auth('me:pass:word') }],
  ['ghcr.io', { 'ghcr.io': auth('me:pass:word') }],
  ['ghcr.io', { 'https://ghcr.io/v2/': auth('me:pass:word') }],
  ['127.0.0.1:5001', { '127.0.0.1:5001': { username: 'me', password: 'pass:word' } }],
])('%s finds its own login in config.json', async (domain, auths) => {
  expect(await find(domain, { auths })).toEqual(LOGIN);
  expect(await find('other.test', { auths })).toBeUndefined();
});

it('tokens are told from passwords', async () => {
  expect(await find('a.test', { auths: { 'a.test': { ...auth('me:'), identitytoken: 'refresh' } } })).toEqual({
    identityToken: 'refresh',
  });
  expect(await find('a.test', { auths: { 'a.test': { registrytoken: 'bearer' } } })).toEqual({ token: 'bearer' });
});

it('a helper is asked by the name of the server, and its own comes before the store of all', async () => {
  await helper('mine', `read server; printf '{"ServerURL":"%s","Username":"me","Secret":"%s"}' "$server" "$server"`);
  await helper('broken', 'exit 3');
  const config = { credsStore: 'broken', credHelpers: { 'a.test': 'mine', 'https://index.docker.io/v1/': 'mine' } };
  expect(await find('a.test', config)).toEqual({ username: 'me', password: 'a.test' });
  expect(await find('docker.io', config)).toEqual({ username: 'me', password: 'https://index.docker.io/v1/' });
  await expect(find('b.test', config)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
});

it('a helper may give a refresh token, or know nothing', async () => {
  await helper('token', `printf '{"Username":"<token>","Secret":"refresh"}'`);
  await helper('empty', 'echo "credentials not found in native keychain"; exit 1');
  expect(await find('a.test', { credsStore: 'token' })).toEqual({ identityToken: 'refresh' });
  expect(await find('a.test', { credsStore: 'empty' })).toBeUndefined();
  expect(await find('a.test', { credsStore: 'empty', auths: { 'a.test': auth('me:pass:word') } })).toEqual(LOGIN);
});

it('a helper that hangs, is missing, or is no name is a fault, and what it wrote is not repeated', async () => {
  await helper('slow', 'exec sleep 60');
  await helper('leaky', 'echo canary; echo canary >&2');
  const started = performance.now();
  for (const name of ['slow', 'missing', '../evil', 'leaky']) {
    const fault = await find('a.test', { credsStore: name }, 300).catch((error: Error) => error);
    expect(fault).toMatchObject({ code: 'UNAVAILABLE' });
    expect(String((fault as Error).stack)).not.toContain('canary');
  }
  expect(performance.now() - started).toBeLessThan(5_000);
});

it('no config.json is no login; one that cannot be read is a fault', async () => {
  expect(await new DockerLogins(join(folder, 'nowhere')).find('a.test')).toBeUndefined();
  await expect(find('a.test', '{"auths": canary')).rejects.toThrow("Docker's config.json cannot be read");
});
