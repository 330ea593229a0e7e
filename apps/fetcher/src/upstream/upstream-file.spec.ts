import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LOCALHOST_CERTIFICATE } from '#testing/localhost-certificate';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { configuredUpstreams, readUpstreamFile } from './upstream-file';

let folder: string;
beforeAll(async () => {
  folder = await tempFolder('upstreams');
});
afterAll(() => removeFolder(folder));

async function read(content: unknown) {
  const path = join(folder, 'upstreams.json');
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return readUpstreamFile(path);
}

async function faultsOf(content: unknown): Promise<string> {
  try {
    await read(content);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

it('reads hosts as references spell them, with their defaults', async () => {
  const upstreams = await read({
    'docker.io': { credential: { username: 'me', password: 'secret' } },
    'registry.lan:5000': { plainHttp: true },
    '127.0.0.1:5001': { at: '127.0.0.1:5002' },
  });
  expect(upstreams['docker.io']).toEqual({
    plainHttp: false,
    tokenHosts: [],
    storageHosts: [],
    credential: { username: 'me', password: 'secret' },
  });
  expect(Object.keys(upstreams)).toEqual(['docker.io', 'registry.lan:5000', '127.0.0.1:5001']);
});

it('reads certificates from files beside it', async () => {
  await mkdir(join(folder, 'tls'));
  const { cert, key } = LOCALHOST_CERTIFICATE;
  await writeFile(join(folder, 'tls', 'ca.pem'), cert);
  await writeFile(join(folder, 'tls', 'key.pem'), key);
  const files = { ca: 'tls/ca.pem', clientCert: 'tls/ca.pem', clientKey: 'tls/key.pem' };
  expect((await read({ 'registry.test': files }))['registry.test']).toMatchObject({
    ca: cert,
    clientCert: cert,
    clientKey: key,
  });
  for (const [field, file, says] of [
    ['ca', 'tls/key.pem', 'must be a PEM file with certificates'],
    ['clientCert', 'tls/key.pem', 'must be a PEM file with a certificate'],
    ['clientKey', 'tls/ca.pem', 'must be a PEM file with the unencrypted key of clientCert'],
  ] as const) {
    expect(await faultsOf({ 'registry.test': { ...files, [field]: file } })).toBe(
      `ENTREPOT_UPSTREAMS: registry.test.${field}: ${says}`,
    );
  }
  expect(await faultsOf({ 'registry.test': { ca: 'tls/no.pem' } })).toContain(
    'registry.test.ca: cannot read tls/no.pem (ENOENT)',
  );
});

it('names every fault, and repeats no secret', async () => {
  const faults = await faultsOf({
    'https://registry.test': {},
    'a.test': { credential: { username: 'me', pass: 'canary-1' } },
    'b.test': { insecureSkipVerify: true },
    'c.test': { clientCert: 'x' },
    'd.test': { plainHttp: true, ca: 'x' },
    'e.test': { plainHttp: 'canary-2' },
    'f.test': 'canary-3',
    'g.test': { tokenHosts: ['https://x'] },
  });
  for (const fault of [
    'https://registry.test: must be a host',
    'a.test.credential: must be {username, password}',
    'b.test: has fields that are not known here: insecureSkipVerify',
    'c.test: clientCert and clientKey go together',
    'd.test: plainHttp cannot go with ca',
    'e.test.plainHttp: must be true or false',
    'f.test:',
    'g.test.tokenHosts.0: must be a host',
  ]) {
    expect(faults).toContain(fault);
  }
  expect(faults).not.toContain('canary');
});

it('has no upstream that no name could be of', async () => {
  const faults = await faultsOf({ '127.1:5000': {}, 'registry.test:05000': {}, '[::1]:5000': {}, 'a.test:0': {} });
  for (const fault of [
    '127.1:5000: is another spelling of 127.0.0.1',
    'registry.test:05000: must have a port from 1 to 65535',
    '[::1]:5000: is an IPv6 address',
    'a.test:0: must have a port',
  ]) {
    expect(faults).toContain(fault);
  }
  expect((await read({ 'a.test': { at: '[::1]:5000' } }))['a.test']?.at).toBe('[::1]:5000');
  expect(() => configuredUpstreams({}, ['registry', 'other:05000'])).toThrow(
    /UPSTREAM_HOSTS: registry must have a port\n.*UPSTREAM_HOSTS: other:05000 must have a port from 1/,
  );
});

it('says what is wrong with the file itself, without its text', async () => {
  expect(await faultsOf('{"docker.io": canary')).toMatch(/^ENTREPOT_UPSTREAMS: .*upstreams.json: not JSON: .{1,24}$/);
  expect(await faultsOf('{"a.test":{},"a.test":{}}')).toMatch(/upstreams.json: JSON has the key "a.test" twice/);
  expect(await faultsOf({ 'a.test': {}, 'A.test': {} })).toContain('A.test: is there twice');
  expect(await faultsOf('[]')).toContain('the file: ');
  await expect(readUpstreamFile(join(folder, 'none.json'))).rejects.toThrow('cannot read');
});

it('a host without a dot is an upstream only where every service is told so', async () => {
  const entries = await read({ 'registry:5000': { plainHttp: true }, 'localhost:5001': {} });
  expect(() => configuredUpstreams(entries, [])).toThrow('ENTREPOT_UPSTREAM_HOSTS: must name registry:5000 too');
  const configured = configuredUpstreams(entries, ['registry:5000', 'other:5000']);
  expect(configured.get('registry:5000')?.plainHttp).toBe(true);
  expect(configured.get('other:5000')?.plainHttp).toBe(false);
});
