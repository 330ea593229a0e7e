import { mkdir, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { LOCALHOST_CERTIFICATE } from '#testing/localhost-certificate';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { answerJson, ScriptedPeer } from '../scripted-peer.testing';
import { DockerRuntime } from './docker-runtime';
import { findEngine } from './find-engine';
import { chooseDigest } from './read-engine';

const [CONFIG, MANIFEST, OTHER] = ['c', 'a', 'b'].map((digit) => `sha256:${digit.repeat(64)}`) as [
  string,
  string,
  string,
];

describe('the digest of what an engine runs', () => {
  it.each([
    ['in the containerd store is its id', 'node:20', MANIFEST, [`node@${MANIFEST}`], MANIFEST],
    [
      'in the classic store is of the name that it was asked by',
      'node:20',
      CONFIG,
      [`b.example/node@${OTHER}`, `node@${MANIFEST}`],
      MANIFEST,
    ],
    ['is of another name where it has none of that', 'mine:1', CONFIG, [`b.example/node@${OTHER}`], OTHER],
    ['is the one that was asked for', `node@${OTHER}`, CONFIG, [`node@${MANIFEST}`, `node@${OTHER}`], OTHER],
    ['is the one that was asked for, even once its names are gone', `node@${OTHER}`, CONFIG, [], OTHER],
    ['of what was built there, or whose names are gone, is its id', 'mine:1', CONFIG, [], CONFIG],
    ['of a container whose tag moved on is found by its id', CONFIG, CONFIG, [`node@${MANIFEST}`], MANIFEST],
    ['is of the same id if several have its name', 'node', MANIFEST, [`node@${OTHER}`, `node@${MANIFEST}`], MANIFEST],
    ['is not made up', 'node', '', ['<none>@<none>', 'no name!'], undefined],
  ])('%s', (_, image, id, digests, wanted) => {
    expect(chooseDigest(image, id, digests)).toBe(wanted);
  });
});

describe('an engine that is found', () => {
  it.each(['ssh://me@host', 'npipe:////./pipe/docker', 'unix://relative', 'tcp://', 'localhost:2375', 'http://a'])(
    'is not at %s',
    (host) => expect(() => findEngine(host, {})).toThrow('must be unix:///path'),
  );

  it('is where docker itself looks', async () => {
    expect(findEngine(undefined, {}).address).toBe('unix:///var/run/docker.sock');
    expect(findEngine(undefined, { DOCKER_HOST: 'tcp://[::1]' }).address).toBe('tcp://[::1]:2375');
    expect(findEngine('tcp://h:1', { DOCKER_HOST: 'tcp://g:2' }).address).toBe('tcp://h:1');
    expect(findEngine('tcp://h', { DOCKER_TLS_VERIFY: '1' }).address).toBe('tcp://h:2376');
    expect((await findEngine('tcp://[::1]:9', {}).way()).options).toMatchObject({ host: '::1', port: '9' });
  });

  it('whose certificates are not there is said', async () => {
    const { way } = findEngine('tcp://h', { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/nowhere' });
    await expect(way()).rejects.toThrow('certificates cannot be read');
  });
});

describe('a Docker engine', () => {
  const signal = new AbortController().signal;
  let folder: string;
  let engine: ScriptedPeer;
  let runtime: DockerRuntime;
  let events: ServerResponse[];
  let containers: unknown;
  const container = (more: object = {}) => ({
    ...{ Id: 'f'.repeat(64), Names: ['/front/db', '/db'], Image: 'node:20', ImageID: CONFIG, State: 'running' },
    ...{ Labels: { team: 'web' }, Created: 1_700_000_000, Status: 'Up', Ports: [] },
    ...more,
  });

  beforeEach(async () => {
    folder = await tempFolder('engine');
    [events, containers] = [[], [container()]];
    const socket = join(folder, 'socket');
    engine = await ScriptedPeer.start(
      ({ url = '' }, response) => {
        if (url.startsWith('/info')) return answerJson(response, 200, { ID: 'ABCD:EFGH' });
        if (url.startsWith('/containers/json')) return answerJson(response, 200, containers);
        if (url.startsWith('/events')) {
          response.writeHead(200).flushHeaders();
          return void events.push(response);
        }
        if (url === `/images/${encodeURIComponent(CONFIG)}/json`)
          return answerJson(response, 200, { Id: CONFIG, RepoDigests: [`node@${MANIFEST}`] });
        if (url.includes('broken')) return answerJson(response, 500, { message: 'the store is on\nfire' });
        answerJson(response, 404, { message: 'No such image' });
      },
      { socket },
    );
    runtime = new DockerRuntime(findEngine(`unix://${socket}`, {}));
  });
  afterEach(async () => {
    await engine.stop();
    await removeFolder(folder);
  });

  it('has an id of its own, and its containers with the digests of their images', async () => {
    expect(await runtime.holder(signal)).toBe('docker:ABCD:EFGH');
    expect(await runtime.look(signal)).toEqual([
      {
        ...{ id: 'f'.repeat(64), name: 'db', image: 'node:20', digest: MANIFEST, state: 'running' },
        ...{ labels: { team: 'web' }, createdAt: 1_700_000_000_000 },
      },
    ]);
    expect(engine.requests.map(({ url }) => url)).toContain('/containers/json?all=1');
  });

  it('is asked for each image once, and one that was removed by force is known by its id', async () => {
    containers = [container({ Id: '1' }), container({ Id: '2' }), container({ Id: '3', ImageID: OTHER, Labels: null })];
    const seen = await runtime.look(signal);
    expect(seen.map(({ digest }) => digest)).toEqual([MANIFEST, MANIFEST, OTHER]);
    expect(engine.requests.filter(({ url }) => url.startsWith('/images'))).toHaveLength(2);
  });

  it.each([
    ['created', 'created'],
    ['restarting', 'running'],
    ['paused', 'paused'],
    ['exited', 'exited'],
    ['removing', 'dead'],
    ['dead', 'dead'],
    ['unheard-of', 'running'],
  ])('that says %s means %s', async (State, state) => {
    containers = [container({ State, Names: null })];
    expect(await runtime.look(signal)).toMatchObject([{ state, name: 'f'.repeat(64) }]);
  });

  it.each([
    ['an image fails', [container({ ImageID: 'broken' })], 'answered 500: the store is on fire'],
    ['it answers something else', { containers: [] }, 'is not understood: it: '],
    ['a container has no id', [container({ Id: '' })], 'is not understood: 0.Id'],
  ])('of which nothing is known where %s', async (_, answer, message) => {
    containers = answer;
    await expect(runtime.look(signal)).rejects.toThrow(message);
  });

  it('is heard once it is watched, and at each event of a container, until it ends', async () => {
    const changes = runtime.changes(signal)[Symbol.asyncIterator]();
    await changes.next();
    expect(decodeURIComponent(engine.requests[0]!.url)).toContain('{"type":["container"],"event":["create",');
    events[0]!.write('{"Type":"container","Action":"sta');
    events[0]!.write('rt"}\n{"Type":"container"}\n');
    expect(await changes.next()).toEqual({ done: false, value: undefined });
    expect(await changes.next()).toEqual({ done: false, value: undefined });
    events[0]!.end();
    await expect(changes.next()).rejects.toThrow('says no more events');
  });

  it('that is killed, or talks nonsense without an end, is no longer watched', async () => {
    const cut = runtime.changes(signal)[Symbol.asyncIterator]();
    await cut.next();
    engine.cut();
    await expect(cut.next()).rejects.toThrow(`no answer from the engine at unix://${folder}`);
    const nonsense = runtime.changes(signal)[Symbol.asyncIterator]();
    await nonsense.next();
    events.at(-1)!.write('x'.repeat(9 * 1024 * 1024));
    await expect(nonsense.next()).rejects.toThrow('has no end');
  });

  it('is left at once when nobody listens any more', async () => {
    const ended = new AbortController();
    const changes = runtime.changes(ended.signal)[Symbol.asyncIterator]();
    await changes.next();
    const left = changes.next();
    ended.abort();
    await expect(left).rejects.toThrow('no longer wanted');
  });

  it('that is not there is said', async () => {
    const away = new DockerRuntime(findEngine(`unix://${folder}/none`, {}));
    await expect(away.look(signal)).rejects.toThrow(/no answer from the engine at .*ENOENT/);
  });

  it('over TLS is asked with the certificate that lies in DOCKER_CERT_PATH, and only if it is who it says', async () => {
    const secure = await ScriptedPeer.start(engine.script, { isTls: true });
    const { cert, key } = LOCALHOST_CERTIFICATE;
    const certs = join(folder, 'certs');
    await mkdir(certs);
    for (const [name, text] of Object.entries({ 'ca.pem': cert, 'cert.pem': cert, 'key.pem': key }))
      await writeFile(join(certs, name), text);
    const env = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certs, DOCKER_HOST: `tcp://127.0.0.1:${secure.port}` };
    try {
      expect(await new DockerRuntime(findEngine(undefined, env)).look(signal)).toHaveLength(1);
      expect(secure.requests[0]!.certificate).toBe('localhost');
      await writeFile(join(certs, 'key.pem'), 'no key');
      await expect(new DockerRuntime(findEngine(undefined, env)).look(signal)).rejects.toThrow('no answer from');
    } finally {
      await secure.stop();
    }
  });
});
