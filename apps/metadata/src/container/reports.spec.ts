import { randomUUID } from 'node:crypto';
import type { ContainerReportBody } from '#contracts/bodies/container-report';
import { ANONYMOUS, PrincipalSchema } from '#contracts/principal';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  findBlob,
  type MadeManifest,
  type Metadata,
  openMetadata,
  purgeAll,
  repositoryName,
  reviewAll,
  runFills,
  untag,
} from '../metadata.testing';

const NODE = repositoryName('docker.io/library/node');
const SOMEBODY = PrincipalSchema.parse('somebody');
type Said = Partial<ContainerReportBody['containers'][number]>;

describe('reports', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata({
      ENTREPOT_REVIEW_DELAY_MS: 0,
      ENTREPOT_GRACE_MS: 0,
      ENTREPOT_KEEP_PULLED_MS: 0,
      ENTREPOT_PIN_MS: 1,
      ENTREPOT_PIN_WRITE_MS: 0,
    });
    await metadata.presence.beat();
  });
  afterAll(() => metadata?.stop());
  beforeEach(async () => {
    await metadata.database.read(
      'TRUNCATE repository, manifest, blob, object, operation, review, outbox, reporter, absence CASCADE',
    );
    await metadata.database.read('UPDATE installation SET quiet_until = NULL, seen_at = now()');
  });
  afterEach(async () => {
    expect(await metadata.rows.check()).toEqual([]);
  });

  const said = (more: Said = {}) => ({ id: 'c1', name: 'web', image: 'node:20', state: 'running' as const, ...more });
  const accept = (body: object, principal = ANONYMOUS, requestId: string = randomUUID()) =>
    metadata.operations.accept({
      principal,
      requestId,
      kind: 'container-report',
      body: { reporter: 'engine', holder: 'h1', containers: [said()], ...body },
    });
  const report = async (containers: Said[], more: object = {}) =>
    (await accept({ containers: containers.map(said), ...more })).operation.outcome as Record<string, number>;
  const list = async (more: object = {}) =>
    (await metadata.containers.list({ labels: [], limit: 100, ...more })).containers;
  const shown = async () => (await list()).map(({ name, state }) => `${name} ${state}`).sort();
  const aFetched = async (tag = '20', image: MadeManifest = anImage()) => {
    await fetchWhole(metadata, NODE, image, { tag });
    return image;
  };
  /** As if the last report came so long ago. */
  const silent = (seconds: number) =>
    metadata.database.read(
      `UPDATE reporter SET reported_at = now() - $1 * interval '1 second',
        leased_until = now() - $1 * interval '1 second' + lease_ms * interval '1 millisecond'`,
      [seconds],
    );

  it('one replaces the reporter’s whole set, and says what it changed', async () => {
    const image = await aFetched();
    const first = await report([{}, { id: 'c2', name: 'pod/db', state: 'exited', labels: { a: '1' } }]);
    expect(first).toMatchObject({ created: 2, changed: 0, removed: 0, kept: 0, unknown: [] });
    expect(await shown()).toEqual(['engine/pod/db exited', 'engine/web running']);
    const [web] = await list({ state: 'running' });
    expect(web).toMatchObject({ reporter: 'engine', reportedId: 'c1', image: { digest: image.digest, tag: '20' } });
    const { overrides, config } = await metadata.containers.read('engine/web');
    expect({ overrides, config: config?.digest }).toEqual({ overrides: {}, config: image.blobs[0]!.digest });
    const second = await report([{ state: 'paused' }, { id: 'c3', name: 'new' }]);
    expect(second).toMatchObject({ created: 1, changed: 1, removed: 1, kept: 0 });
    expect(await shown()).toEqual(['engine/new running', 'engine/web paused']);
    expect(await report([{ state: 'paused' }, { id: 'c3', name: 'new' }])).toMatchObject({ kept: 2, changed: 0 });
    const facts = await metadata.database.read<{ fact: string }>(
      `SELECT split_part(subject, '.', 4) || ' ' || (message -> 'data' ->> 'name') AS fact FROM outbox
        WHERE subject LIKE '%.container.%' ORDER BY id`,
    );
    expect(facts.map(({ fact }) => fact).sort()).toEqual([
      ...['changed engine/web', 'created engine/new', 'created engine/pod/db', 'created engine/web'],
      'removed engine/pod/db',
    ]);
  });

  it('an operation keeps what came of a report, not the set', async () => {
    await aFetched();
    const { operation } = await accept({}, ANONYMOUS, 'once');
    expect(operation.body).toEqual({ reporter: 'engine', holder: 'h1', leaseSeconds: 300 });
    expect(await accept({}, ANONYMOUS, 'once')).toMatchObject({ created: false, operation: { id: operation.id } });
  });

  it('it keeps an image as any container does, by the digest that it said first', async () => {
    const image = await aFetched();
    await report([{}]);
    await aFetched('20');
    expect(await report([{}])).toMatchObject({ kept: 1 });
    await untag(metadata, NODE, '20');
    await reviewAll(metadata);
    await purgeAll(metadata);
    for (const { digest } of image.blobs) expect(await findBlob(metadata, NODE, digest)).not.toBeNull();
    await report([]);
    await reviewAll(metadata);
    expect(await purgeAll(metadata)).toHaveLength(image.blobs.length);
  });

  it('a digest counts more than a name: of a manifest, of a config, in the repository that is named or any', async () => {
    const image = await aFetched('old');
    await aFetched('20');
    const config = image.blobs[0]!.digest;
    const outcome = await report([
      { digest: image.digest },
      { id: 'c2', name: 'b', digest: config, image: 'mirror.example.com/x:1' },
      { id: 'c3', name: 'c', digest: image.digest, image: image.digest },
      { id: 'c4', name: 'd', digest: image.digest, image: 'Not A Name' },
    ]);
    expect(outcome).toMatchObject({ created: 4 });
    expect(new Set((await list()).map((each) => each.image.digest))).toEqual(new Set([image.digest]));
  });

  describe('what runs is in use, however many images it may be of', () => {
    /** One image that two indexes list, the second under a tag that comes first by name. */
    const listedTwice = async () => {
      const child = await aFetched('child');
      await untag(metadata, NODE, 'child');
      const indexes = ['1', '2'].map((a) => anIndex([child], { annotations: { a } }));
      for (const [at, index] of indexes.entries()) {
        await fetchManifest(metadata, NODE, index, { tag: at === 0 ? '20' : '19' });
      }
      await runFills(metadata);
      return { child, config: child.blobs[0]!.digest, indexes };
    };
    const used = async () => (await list()).map(({ image }) => ({ ...image }));

    it('a config that several indexes list means the one that is named, else any', async () => {
      const { config, indexes } = await listedTwice();
      expect(await report([{ digest: config }])).toMatchObject({ created: 1, unknown: [] });
      expect(await used()).toMatchObject([{ digest: indexes[0]!.digest, tag: '20' }]);
      expect(await report([{ digest: config, image: 'node:gone' }])).toMatchObject({ unknown: [] });
      expect(await report([{ image: config.slice(7, 19) }])).toMatchObject({ changed: 1, unknown: [] });
    });

    it('and its bytes stay, whichever names go', async () => {
      const { child, config } = await listedTwice();
      await report([{ digest: config, image: 'elsewhere.example/x:1' }]);
      for (const tag of ['19', '20']) await untag(metadata, NODE, tag);
      await metadata.database.read('DELETE FROM pin');
      await reviewAll(metadata);
      await purgeAll(metadata);
      for (const { digest } of child.blobs) expect(await findBlob(metadata, NODE, digest)).not.toBeNull();
    });

    it('in the repository that is named, though others have it; the image itself where no index of it does', async () => {
      const child = anImage();
      await fetchWhole(metadata, 'docker.io/aaa/other', child);
      await fetchManifest(metadata, 'docker.io/aaa/other', anIndex([child]), { tag: '1' });
      await aFetched('20', child);
      await report([
        { digest: child.blobs[0]!.digest },
        { id: 'c2', name: 'b', image: 'node:gone', digest: child.blobs[0]!.digest },
      ]);
      expect((await used()).map(({ repository, digest, tag }) => [repository, digest, tag]).sort()).toEqual([
        [NODE, child.digest, '20'],
        [NODE, child.digest, 'gone'],
      ]);
    });

    it('and where its bytes are, not where an index of the name lists what was never fetched', async () => {
      const child = anImage();
      const index = anIndex([child]);
      await fetchWhole(metadata, 'docker.io/other/whole', child);
      await fetchManifest(metadata, 'docker.io/other/whole', index, { tag: '1' });
      await fetchManifest(metadata, NODE, index, { tag: '20' });
      await report([{ digest: child.blobs[0]!.digest }]);
      expect(await used()).toMatchObject([{ repository: 'docker.io/other/whole', digest: index.digest, tag: null }]);
    });

    it('a digest that its name says counts as one that is said', async () => {
      const image = await aFetched('20');
      await report([{ image: `mirror.example/node@${image.digest}` }]);
      expect(await used()).toMatchObject([{ repository: NODE, digest: image.digest }]);
    });
  });

  it('what is not here is said, and comes to be used once it is', async () => {
    const unknown = await report([{}, { id: 'c2', name: 'b', digest: anImage().digest }]);
    expect(unknown).toMatchObject({ created: 0, unknown: ['node:20'], unknownCount: 1 });
    await aFetched();
    expect(await report([{}, { id: 'c2', name: 'b', digest: anImage().digest }])).toMatchObject({ created: 1 });
  });

  it('a password in what was typed there is not kept', async () => {
    const { digest } = await aFetched();
    const image = 'kim:hunter2@registry.example/node:20';
    expect(
      await report([
        { image, digest },
        { image, id: 'c2', name: 'db' },
      ]),
    ).toMatchObject({
      created: 1,
      unknown: ['***@registry.example/node:20'],
    });
    const rows = await metadata.database.read(
      'SELECT operation::text, (SELECT json_agg(container)::text FROM container) AS containers FROM operation',
    );
    expect(JSON.stringify(rows)).not.toContain('hunter2');
  });

  it('names that two have changed with each other are theirs', async () => {
    await aFetched();
    await report([{}, { id: 'c2', name: 'db' }]);
    expect(await report([{ name: 'db' }, { id: 'c2', name: 'web' }])).toMatchObject({ changed: 2 });
    const names = (await list()).map(({ reportedId, name }) => [reportedId, name]).sort();
    expect(names).toEqual([
      ['c1', 'engine/db'],
      ['c2', 'engine/web'],
    ]);
  });

  it('two reporters with containers of one id and one name do not meet, nor one that was made here', async () => {
    await aFetched();
    await report([{}]);
    await report([{}], { reporter: 'other', holder: 'h2' });
    await metadata.operations.accept({
      ...{ principal: ANONYMOUS, requestId: randomUUID(), kind: 'container-create' as const },
      body: { image: 'node:20', name: 'web' },
    });
    expect((await list()).map(({ name }) => name).sort()).toEqual(['engine/web', 'other/web', 'web']);
    expect((await list({ reporter: 'other' })).map(({ name }) => name)).toEqual(['other/web']);
    await report([], { reporter: 'other', holder: 'h2' });
    expect((await list()).map(({ name }) => name).sort()).toEqual(['engine/web', 'web']);
  });

  describe('a set is its holder’s while its lease lasts', () => {
    it('another caller’s claim, and another holder’s, is refused and changes nothing', async () => {
      await aFetched();
      await report([{}]);
      await expect(accept({ containers: [] }, SOMEBODY)).rejects.toMatchObject({ code: 'DENIED' });
      await expect(accept({ containers: [], holder: 'h2' })).rejects.toMatchObject({
        code: 'CONFLICT',
        detail: { reporter: 'engine', reason: 'another-holder', leasedUntil: expect.any(String), sequence: null },
      });
      expect(await shown()).toEqual(['engine/web running']);
      await silent(299);
      await expect(accept({ containers: [], holder: 'h2' })).rejects.toMatchObject({ code: 'CONFLICT' });
    });

    it('and anybody’s after', async () => {
      await aFetched();
      await report([{}]);
      await silent(301);
      await accept({ containers: [said({ state: 'exited' })], holder: 'h2' }, SOMEBODY);
      expect(await shown()).toEqual(['engine/web exited']);
      await expect(accept({})).rejects.toMatchObject({ code: 'DENIED' });
    });

    it('of two who begin it at once one has it', async () => {
      await aFetched();
      const both = ['h1', 'h2'].map((holder) => accept({ holder }));
      const ended = await Promise.allSettled(both);
      expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      expect(await shown()).toEqual(['engine/web running']);
    });

    it('a report that comes late, after a newer one, is refused', async () => {
      await aFetched();
      await report([{}], { sequence: 2 });
      for (const sequence of [1, 2]) {
        await expect(accept({ containers: [], sequence })).rejects.toMatchObject({
          ...{ code: 'CONFLICT', detail: { reporter: 'engine', reason: 'stale', sequence: 2 } },
        });
      }
      expect(await shown()).toEqual(['engine/web running']);
      await silent(301);
      await expect(accept({ containers: [], sequence: 1 })).rejects.toMatchObject({ detail: { reason: 'stale' } });
      expect(await shown()).toEqual(['engine/web running']);
      await report([], { sequence: 3 });
      expect(await shown()).toEqual([]);
    });

    it('but who takes a lapsed one over begins to count anew', async () => {
      await aFetched();
      await report([{}], { sequence: 7 });
      await silent(301);
      await accept({ containers: [said()] }, SOMEBODY);
      await accept({ containers: [], sequence: 1 }, SOMEBODY);
      expect(await shown()).toEqual([]);
    });
  });

  describe('a silent one', () => {
    const forget = () => metadata.ended.forget(100);

    it('expires after its lease with its whole set, never before; its images are reviewed', async () => {
      await aFetched();
      await report([{}, { id: 'c2', name: 'b' }], { leaseSeconds: 60 });
      await silent(59);
      expect(await forget()).toMatchObject({ rows: 0 });
      expect(await shown()).toHaveLength(2);
      await metadata.database.read('DELETE FROM review');
      await silent(61);
      expect(await forget()).toMatchObject({ rows: 1 });
      expect(await shown()).toEqual([]);
      expect(await metadata.database.read('SELECT FROM reporter')).toEqual([]);
      expect(await metadata.database.read('SELECT FROM review')).toHaveLength(1);
    });

    it('goes with no other in one transaction: each set may be large', async () => {
      await aFetched();
      for (const reporter of ['one', 'two']) await report([{}], { reporter, leaseSeconds: 60 });
      await silent(61);
      expect(await forget()).toMatchObject({ rows: 1, more: true });
      expect(await shown()).toHaveLength(1);
      expect(await forget()).toMatchObject({ rows: 1, more: true });
      expect(await forget()).toMatchObject({ rows: 0, more: false });
      expect(await shown()).toEqual([]);
    });

    it('is looked for when its lease ends', async () => {
      await aFetched();
      await report([{}], { leaseSeconds: 60 });
      await reviewAll(metadata);
      const { nextInMs } = await metadata.reviews.reviewDue(1);
      expect(nextInMs).toBeGreaterThan(50_000);
      expect(nextInMs).toBeLessThanOrEqual(60_000);
    });

    it('has the time that metadata was away, and the quiet after it', async () => {
      await aFetched();
      await report([{}], { leaseSeconds: 60 });
      await silent(3600);
      await metadata.database.read(
        `INSERT INTO absence (began_at, ended_at) VALUES (now() - interval '3590 seconds', now() - interval '30 seconds')`,
      );
      await forget();
      expect(await shown()).toHaveLength(1);
      await expect(accept({ holder: 'h2' })).rejects.toMatchObject({ code: 'CONFLICT' });
      await silent(3700);
      await metadata.database.read(`UPDATE installation SET quiet_until = now() + interval '1 minute'`);
      await forget();
      expect(await shown()).toHaveLength(1);
      await metadata.database.read(
        `UPDATE installation SET quiet_until = NULL, seen_at = now() - interval '61 seconds'`,
      );
      await forget();
      expect(await shown()).toHaveLength(1);
      await metadata.database.read('UPDATE installation SET seen_at = now()');
      await forget();
      expect(await shown()).toEqual([]);
    });
  });

  it('what is reported is changed by its reporter alone, and never pruned', async () => {
    await aFetched();
    await report([{ state: 'exited' }]);
    const asks = [
      ['container-change', { container: 'engine/web', action: 'start' }],
      ['container-rename', { container: 'engine/web', name: 'db' }],
      ['container-remove', { container: 'engine/web', force: true }],
    ] as const;
    for (const [kind, body] of asks) {
      const asked = { principal: ANONYMOUS, requestId: randomUUID(), kind, body: { ...body } };
      await expect(metadata.operations.accept(asked)).rejects.toMatchObject({ code: 'CONFLICT' });
    }
    const prune = { principal: ANONYMOUS, requestId: randomUUID(), kind: 'container-prune' as const, body: {} };
    expect((await metadata.operations.accept(prune)).operation.outcome).toMatchObject({ count: 0 });
    expect(await shown()).toEqual(['engine/web exited']);
  });

  it('one whose time of creation is none that everybody keeps counts from now, and no other is lost', async () => {
    await aFetched();
    const times = ['0000-01-01T00:00:00Z', '0001-01-01T00:00:00Z', '2026-01-01T00:00:00Z'];
    await report(times.map((createdAt, n) => ({ id: `${n}`, name: `n${n}`, createdAt })));
    const created = (await list()).map(({ createdAt }) => createdAt.slice(0, 4)).sort();
    expect(created).toEqual(['2026', expect.stringMatching(/^20/), expect.stringMatching(/^20/)]);
  });

  it.each([
    [{ reporter: 'Engine' }, 'reporter'],
    [{ reporter: 'a/b' }, 'reporter'],
    [{ holder: '' }, 'holder'],
    [{ holder: 'a\nb' }, 'holder'],
    [{ leaseSeconds: 9 }, 'leaseSeconds'],
    [{ leaseSeconds: 604_801 }, 'leaseSeconds'],
    [{ sequence: -1 }, 'sequence'],
    [{ containers: undefined }, 'containers'],
    [{ containers: [said({ state: 'restarting' as never })] }, 'containers.0.state'],
    [{ containers: [said({ id: '' })] }, 'containers.0.id'],
    [{ containers: [said({ id: 'a\0' })] }, 'containers.0.id'],
    [{ containers: [said({ name: '/web' })] }, 'containers.0.name'],
    [{ containers: [said({ digest: 'sha256:1' as never })] }, 'containers.0.digest'],
    [{ containers: [said({ createdAt: 'yesterday' })] }, 'containers.0.createdAt'],
    [{ containers: [said({ labels: { a: '\0' } })] }, 'containers.0.labels.a'],
    [{ containers: [said(), said({ name: 'b' })] }, 'containers.1.id'],
    [{ containers: [said(), said({ id: 'c2' })] }, 'containers.1.name'],
    [{ containers: [{ ...said(), pid: 1 }] }, 'containers.0.pid'],
  ])('%j is refused by its field', async (body, field) => {
    await expect(accept(body)).rejects.toMatchObject({ code: 'INVALID', detail: { field } });
    expect(await metadata.database.read('SELECT name FROM reporter UNION ALL SELECT id FROM container')).toEqual([]);
  });

  it('one of more is refused', async () => {
    const containers = Array.from({ length: 5001 }, (_, n) => said({ id: `${n}`, name: `n${n}` }));
    await expect(accept({ containers })).rejects.toMatchObject({ detail: { field: 'containers' } });
  });

  it('one of five thousand is taken in, and costs little when nothing changed', async () => {
    await aFetched();
    const containers = Array.from({ length: 5000 }, (_, n) => ({ id: `${n}`, name: `n${n}` }));
    expect(await report(containers)).toMatchObject({ created: 5000 });
    expect(await report(containers)).toMatchObject({ kept: 5000, changed: 0 });
    expect(await report([])).toMatchObject({ removed: 5000 });
  });
});
