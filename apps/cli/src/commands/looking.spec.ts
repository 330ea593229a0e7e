import { digestOf } from '../sample-answers.testing';
import { events, problem, ScriptedWarehouse } from '../scripted-warehouse.testing';

const AT = '2026-01-31T12:00:00.000Z';
const digest = digestOf('image');
const layer = { digest: digestOf('layer'), mediaType: 'x', size: 2_000_000, held: true };
const image = {
  repository: 'docker.io/library/node',
  tag: '22',
  digest,
  id: digest,
  kind: 'index',
  mediaType: 'application/vnd.oci.image.index.v1+json',
  size: 3_000_000,
  complete: false,
  tags: { first: [{ repository: 'docker.io/library/node', tag: '22', movedAt: AT }], count: 101 },
  containers: { first: [{ id: 'c', name: 'web', state: 'running', repository: 'r' }], count: 1 },
  source: { kind: 'fetched', upstream: 'docker.io' },
  createdAt: AT,
  pulls: 2,
  pulledAt: AT,
  platforms: [{ platform: 'linux/arm64', digest, held: false, complete: false, size: 0 }],
  config: {
    created: AT,
    env: ['A=b\x1b[2J'],
    entrypoint: ['/bin/sh', '-c', 'echo it is'],
    cmd: [],
    workingDir: '/app',
    user: '',
    exposedPorts: ['80/tcp'],
    volumes: [],
    labels: { a: 'b' },
    stopSignal: null,
  },
  history: [
    { created: AT, createdBy: 'ADD file', comment: null, author: null, layer },
    { created: null, createdBy: `RUN ${'x'.repeat(100)}`, comment: null, author: null, layer: null },
  ],
  layers: [{ ...layer, held: false }],
};

describe('looking', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

  it('inspect says what is known, and what is not here', async () => {
    warehouse.on('GET /api/v1/images/inspect', { json: image });
    const { code, out } = await warehouse.run(['inspect', 'node:22', '--platform', 'linux/arm64']);
    expect(code).toBe(0);
    for (const line of [
      'Size:         3.00 MB, not all of it is here',
      'Used by:      web (running)',
      'Platforms:    linux/arm64  not here',
      'Entrypoint:   /bin/sh -c "echo it is"',
      'Env:          A=b\\u001b[2J',
      `Layers:       ${layer.digest}  2.00 MB, not here`,
      '              … and 100 more',
    ])
      expect(out).toContain(`${line}\n`);
    expect(warehouse.asked[0]!.query).toEqual({ reference: 'node:22', platform: 'linux/arm64' });
    expect((await warehouse.run(['inspect', 'x', '-o', 'name'])).out).toBe('docker.io/library/node:22\n');
    expect(out).toMatch(/^Pulls: +2, the last .* ago$/m);
    warehouse.on('GET /api/v1/images/inspect', { json: { ...image, pulls: 0 } });
    expect((await warehouse.run(['inspect', 'x'])).out).toMatch(/^Pulls: +none by clients; fetched .* ago$/m);
  });

  it('inspect of what has no config, and of a prefix that means several', async () => {
    warehouse.on('GET /api/v1/images/inspect', { json: { ...image, config: null } });
    expect((await warehouse.run(['inspect', 'x'])).out).not.toContain('Env');
    warehouse.on('GET /api/v1/images/inspect', problem(409, 'CONFLICT', 'abcd is the beginning of abcd1 and abcd2'));
    expect(await warehouse.run(['inspect', 'abcd'])).toMatchObject({
      code: 5,
      out: '',
      err: expect.stringContaining('abcd2'),
    });
  });

  it('history has the last step first, with its layer', async () => {
    warehouse.on('GET /api/v1/images/inspect', { json: image });
    const [, last, first] = (await warehouse.run(['history', 'node:22'])).out.split('\n');
    expect(last!.trim()).toMatch(/^RUN x{55}…$/);
    expect(first).toMatch(/^[0-9a-f]{12} +2.00 MB .* ADD file$/);
    expect((await warehouse.run(['history', 'node:22', '--no-trunc'])).out).toContain('x'.repeat(100));
    expect(JSON.parse((await warehouse.run(['history', 'node:22', '-o', 'json'])).out)).toHaveLength(2);
  });

  it('trash and restore', async () => {
    const id = '5f0c7a3e-6a1e-4a53-9c3c-0f6f1d2f3a44';
    const entry = {
      id,
      repository: 'team/app',
      digest,
      whole: true,
      removedAt: AT,
      removedBy: 'ann',
      operation: null,
      until: AT,
    };
    warehouse.on('GET /api/v1/trash', { json: [{ ...entry, tags: ['1', '2', '3', '4'], tagCount: 9 }] });
    warehouse.on(`POST /api/v1/trash/${id}/restore`, {
      json: { id, repository: 'team/app', digest, tags: ['1'], tagCount: 1 },
    });
    expect((await warehouse.run(['trash', '--repository', 'team/app'])).out).toContain(' 1,2,3 and 6 more ');
    expect((await warehouse.run(['trash', '-o', 'name'])).out).toBe(`${id}\n`);
    expect((await warehouse.run(['restore', id])).out).toBe(`restored ${warehouse.host}/team/app:1\n`);
    warehouse.on(`POST /api/v1/trash/${id}/restore`, problem(409, 'CONFLICT', '1 names another image now'));
    expect(await warehouse.run(['restore', id])).toMatchObject({ code: 5, out: '' });
    warehouse.on(`POST /api/v1/trash/${id}/restore`, problem(410, 'GONE', 'its window has ended'));
    expect(await warehouse.run(['restore', id])).toMatchObject({ code: 3, out: '' });
  });

  it('usage is by kind and by repository, and says what is lost', async () => {
    const some = (count: number, bytes: number) => ({ count, bytes });
    const usage = {
      asOf: AT,
      bytes: 5_000_000,
      reclaimableBytes: 1_000_000,
      images: {
        ...some(3, 4_000_000),
        active: 1,
        uniqueBytes: 3_000_000,
        sharedBytes: 1_000_000,
        reclaimableBytes: 900_000,
        danglingBytes: 0,
      },
      containers: { ...some(2, 0), active: 1 },
      unlisted: some(1, 100_000),
      uploads: some(0, 0),
      condemned: some(0, 0),
      purging: some(0, 0),
      lost: some(1, 7),
      repositories: [{ repository: 'team/app', manifests: 1, tags: 2, blobs: 3, bytes: 4_000_000, uniqueBytes: 5 }],
    };
    warehouse.on('GET /api/v1/usage', { json: usage });
    const { out } = await warehouse.run(['usage', '--fresh', '--limit', '5']);
    expect(out).toMatch(/^images +3 +1 +4.00 MB +900 kB$/m);
    expect(out).toMatch(/^lost \(not in the sum\) +1 +7 B$/m);
    expect(out).toMatch(/^5.00 MB in all, 1.00 MB of them reclaimable/m);
    expect(out).toMatch(/^team\/app +1 +2 +4.00 MB +5 B$/m);
    expect(warehouse.asked[0]!.query).toEqual({ fresh: 'true', limit: '5' });
    expect(JSON.parse((await warehouse.run(['usage', '-o', 'json'])).out)).toEqual(usage);
    expect(await warehouse.run(['usage', '--limit', '1001'])).toMatchObject({ code: 2, out: '' });
  });

  it('why names the way from each root, or when it goes', async () => {
    const root = { root: 'tag', name: '22', repository: 'docker.io/library/node', until: null };
    const path = [
      { digest: digestOf('index'), via: 'root' },
      { digest, via: 'index' },
    ];
    const later = new Date(Date.now() + 30 * 86_400_000).toISOString();
    const why = { kind: 'image', digest, repositories: [], moreRoots: true, goesAt: null, purgedAt: null };
    warehouse.on('GET /api/v1/why', { json: { ...why, kept: true, roots: [{ ...root, path }] } });
    const short = (text: string) => digestOf(text).slice(7, 19);
    expect((await warehouse.run(['why', 'node:22'])).out).toBe(
      `image ${short('image')} is kept by\n  the tag 22 in docker.io/library/node: ${short('index')} → ${short('image')}\n  … and others\n`,
    );
    const pulled = { root: 'pull', name: null, repository: 'team/app', until: later, path: [] };
    warehouse.on('GET /api/v1/why', { json: { ...why, moreRoots: false, kept: true, roots: [pulled] } });
    expect((await warehouse.run(['why', 'x'])).out).toContain('\n  its last pull in team/app, which ends in 4 weeks\n');
    warehouse.on('GET /api/v1/why', { json: { ...why, kept: false, roots: [], moreRoots: false, goesAt: AT } });
    expect((await warehouse.run(['why', 'x'])).out).toMatch(/^nothing keeps image .*\nit goes .* ago, unless/);
  });

  it('events are a line each, go on where the server restarts, and say how to go on after Ctrl-C', async () => {
    const fact = (id: string) => ({ id, type: 'dev.entrepot.fact.tag.moved.v1', time: AT, data: { tag: id } });
    const interruption = new AbortController();
    warehouse.on(
      'GET /api/v1/events',
      events(['fact', 'a-1', fact('1')]),
      events(['missed', 'a-2', {}], ['fact', 'a-3', fact('3')]),
    );
    const { code, out, err } = await warehouse.run(
      ['events', '--subject', 'tag.>', '--repository', 'r', '--after', 'first'],
      {
        interrupted: interruption.signal,
        onSaid: (text) => text.includes('"3"') && interruption.abort(),
      },
    );
    expect(code).toBe(130);
    expect(out).toBe(`${AT}  tag.moved             {"tag":"1"}\n${AT}  tag.moved             {"tag":"3"}\n`);
    expect(err).toBe('events between were missed: they are kept no more\nto go on: entrepot events --after a-3\n');
    expect(warehouse.asked[0]!.query).toEqual({ subject: 'tag.>', repository: 'r', after: 'first' });
    expect(warehouse.asked[1]).toMatchObject({
      query: { subject: 'tag.>', repository: 'r' },
      headers: { 'last-event-id': 'a-1' },
    });
  });

  it('events that the server refuses are a fault', async () => {
    warehouse.on('GET /api/v1/events', problem(400, 'INVALID', 'subject: must be', { field: 'subject' }));
    expect(await warehouse.run(['events', '--subject', '!'])).toMatchObject({ code: 2, out: '' });
  });

  it('dead letters: ls, show, replay, drop', async () => {
    const letter = {
      sequence: 17,
      subject: 'entrepot.request.pull',
      stream: 'ENTREPOT_REQUESTS',
      reason: 'no JSON',
      deliveries: 1,
      diedAt: AT,
      messageId: null,
      size: 3,
      cut: false,
    };
    warehouse.on('GET /api/v1/dead-letters', { json: [letter] });
    warehouse.on('GET /api/v1/dead-letters/17', {
      json: { ...letter, headers: { 'Nats-Msg-Id': ['x'] }, payload: '{', encoding: 'utf-8' },
    });
    warehouse.on('POST /api/v1/dead-letters/17/replay', { status: 204 });
    warehouse.on('DELETE /api/v1/dead-letters/17', { status: 204 });
    expect((await warehouse.run(['dead-letters', 'ls'])).out).toMatch(/17 +entrepot.request.pull .* no JSON$/m);
    expect((await warehouse.run(['dead-letters', 'show', '17'])).out).toContain(
      'Headers:     Nats-Msg-Id: x\nPayload:     {\n',
    );
    expect(await warehouse.run(['dead-letters', 'replay', '17'])).toEqual({
      code: 0,
      out: '',
      err: 'published 17 again\n',
    });
    expect(await warehouse.run(['dead-letters', 'drop', '17'])).toEqual({ code: 0, out: '', err: 'dropped 17\n' });
    for (const id of ['0', 'x', '../images', '-1'])
      expect(await warehouse.run(['dead-letters', 'drop', id])).toMatchObject({ code: 2, out: '' });
  });
});
