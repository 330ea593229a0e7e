import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LOCALHOST_CERTIFICATE } from '#testing/localhost-certificate';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { answerJson, ScriptedPeer } from '../scripted-peer.testing';
import { configuredCluster } from './kubeconfig';
import { KubernetesRuntime } from './kubernetes-runtime';

describe('a kubeconfig', () => {
  const signal = new AbortController().signal;
  let folder: string;
  let api: ScriptedPeer;

  beforeAll(async () => {
    api = await ScriptedPeer.start((_, response) => answerJson(response, 200, { metadata: { uid: 'u1' } }), {
      isTls: true,
    });
  });
  afterAll(() => api.stop());
  beforeEach(async () => {
    folder = await tempFolder('kubeconfig');
    api.requests.length = 0;
  });
  afterEach(() => removeFolder(folder));

  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const { cert, key } = LOCALHOST_CERTIFICATE;
  const write = async (text: string) => {
    const path = join(folder, 'config');
    await writeFile(path, text);
    return path;
  };
  const config = (cluster: string, user: string, context = 'here') =>
    write(`
apiVersion: v1
kind: Config
current-context: ${context}
contexts:
- name: here
  context: {cluster: c, user: me, namespace: other}
clusters:
- name: c
  cluster: {server: "https://127.0.0.1:${api.port}", ${cluster}}
users:
- name: me
  user: {${user}}
`);
  const ask = async (path: string, context?: string) =>
    new KubernetesRuntime(await configuredCluster(path, context)).holder(signal);
  const failed = (path: string, context?: string) => ask(path, context).then(String, (error: Error) => error.message);

  it('with a token, and the authority in it', async () => {
    const path = await config(`certificate-authority-data: ${base64(cert)}`, 'token: tok3n');
    expect(await ask(path)).toBe('kubernetes:u1');
    expect(api.requests).toMatchObject([{ authorization: 'Bearer tok3n', url: '/api/v1/namespaces/kube-system' }]);
    expect(await ask(path, 'here')).toBe('kubernetes:u1');
  });

  it('with files that lie beside it, and a token that is read anew', async () => {
    await mkdir(join(folder, 'pki'));
    await Promise.all([writeFile(join(folder, 'pki/ca'), cert), writeFile(join(folder, 'pki/token'), 'first')]);
    const path = await config('certificate-authority: pki/ca', 'tokenFile: pki/token');
    await ask(path);
    await writeFile(join(folder, 'pki/token'), 'second');
    await ask(path);
    expect(api.requests.map(({ authorization }) => authorization)).toEqual(['Bearer first', 'Bearer second']);
  });

  it('with a certificate, in it or beside it', async () => {
    const ca = `certificate-authority-data: ${base64(cert)}`;
    await ask(await config(ca, `client-certificate-data: ${base64(cert)}, client-key-data: ${base64(key)}`));
    await Promise.all([writeFile(join(folder, 'crt'), cert), writeFile(join(folder, 'key'), key)]);
    await ask(await config(ca, 'client-certificate: crt, client-key: key'));
    expect(api.requests.map(({ certificate }) => certificate)).toEqual(['localhost', 'localhost']);
  });

  it('in JSON is one too', async () => {
    const document = {
      'current-context': 'x',
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server: `https://127.0.0.1:${api.port}`, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: null }],
    };
    expect(await ask(await write(JSON.stringify(document)))).toBe('kubernetes:u1');
  });

  it('is not believed by an authority that nobody named', async () => {
    expect(await failed(await config('', 'token: tok3n'))).toMatch(/no answer from the cluster/);
    expect(api.requests).toEqual([]);
  });

  it.each([
    ['no YAML', '{tok3n', 'is no YAML'],
    ['nothing', '', 'is no kubeconfig'],
    ['a list', '- tok3n', 'is no kubeconfig'],
    ['no server', 'clusters: [{name: c, cluster: {}}]', 'clusters.0.cluster.server'],
    [
      'a server of another kind',
      'clusters: [{name: c, cluster: {server: "ftp://tok3n"}}]',
      'clusters.0.cluster.server',
    ],
    ['data that is no base64', 'users: [{name: u, user: {client-key-data: "tok3n%"}}]', 'users.0.user.client-key-data'],
    [
      'aliases without an end',
      `a: &a [x,x]\n${[...'bcdefghij'].map((name, at) => `${name}: &${name} [${`*${'abcdefghij'[at]},`.repeat(9)}]`).join('\n')}`,
      'is no YAML',
    ],
    ['no context', 'contexts: []', 'has no context that is current with a cluster; it has: none'],
  ])('with %s is refused, and nothing of it told', async (_, text, message) => {
    const said = await failed(await write(text));
    expect(said).toContain(message);
    expect(said).not.toContain('tok3n');
  });

  it('without the context that is asked for names those that it has', async () => {
    const path = await config('', 'token: tok3n');
    expect(await failed(path, 'there')).toMatch(/has no context there with a cluster; it has: here$/);
  });

  it.each([
    ['exec: {command: aws}', 'the user logs in by exec'],
    ['auth-provider: {name: gcp}', 'the user logs in by auth-provider'],
    ['username: me, password: tok3n', 'the user logs in by username'],
    ['token: "tok3n\\nX: y"', 'signs that no token has'],
    ['tokenFile: none', 'cannot be read: ENOENT'],
    ['client-certificate: none', 'cannot be read: ENOENT'],
  ])('whose user is %s is refused', async (user, message) => {
    const said = await failed(await config(`certificate-authority-data: ${base64(cert)}`, user));
    expect(said).toContain(message);
    expect(said).not.toContain('tok3n');
  });

  it('that is not there is said', async () => {
    expect(await failed(join(folder, 'none'))).toMatch(/none cannot be read: ENOENT$/);
  });

  it('never has a token sent for everybody to read', async () => {
    const path = await config('', 'token: tok3n').then((name) => name);
    const { readFile } = await import('node:fs/promises');
    const text = (await readFile(path, 'utf8')).replace(/https:\/\/[^"]*/, 'http://cluster.example:8080');
    expect(await failed(await write(text))).toMatch(/only https will do/);
    const proxied = text.replace('cluster.example:8080", ', 'cluster.example:8080", proxy-url: "http://p:1", ');
    expect(await failed(await write(proxied))).toMatch(/proxy-url/);
  });
});
