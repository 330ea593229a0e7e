import { randomUUID } from 'node:crypto';
import type { Operation } from '#contracts/operation';
import { ANONYMOUS, PrincipalSchema } from '#contracts/principal';
import type { Digest } from '#oci/digest';
import { OCI_LAYER_GZIP } from '#oci/media-type';
import type { Tag } from '#oci/tag';
import {
  anImage,
  fetchManifest,
  HUB,
  type MadeManifest,
  type Metadata,
  openMetadata,
  repositoryName,
  runFills,
  someBytes,
} from '../metadata.testing';
import type { OperationStore } from './operation.store';
import { OperationWorkStore } from './operation-work.store';
import { PullWorkStore } from './pull-work.store';

const ALPINE = 'docker.io/library/alpine';
const KIM = PrincipalSchema.parse('k1m');
const NO_WAIT = { ENTREPOT_BACKOFF_MS: 1, ENTREPOT_BACKOFF_LONGEST_MS: 2, ENTREPOT_LEASE_MS: 60_000 };

describe('operations and their workers', () => {
  let metadata: Metadata;
  let operations: OperationStore;
  let work: OperationWorkStore;
  let pulls: PullWorkStore;

  beforeAll(async () => {
    metadata = await openMetadata(NO_WAIT);
    const { database, config, tags } = metadata;
    operations = metadata.operations;
    work = new OperationWorkStore(database, config);
    pulls = new PullWorkStore(database, tags, metadata.creates, config);
  });
  afterAll(() => metadata?.stop());
  beforeEach(() => run('TRUNCATE operation, outbox, review CASCADE'));

  const run = (text: string, params: unknown[] = []) =>
    metadata.database.transaction('metadata.test', (sql) => sql.query(text, params));
  const accept = async (requestId: string = randomUUID(), reference = 'alpine:3', principal = ANONYMOUS) =>
    (await operations.accept({ principal, requestId, kind: 'pull', body: { reference } })).operation;
  const claim = async (worker = 'one', limit = 1) => (await work.claim(worker, ['pull'], limit)).operations;
  const claimOne = async () => {
    const accepted = await accept();
    const [claimed] = await claim();
    expect(claimed?.id).toBe(accepted.id);
    return claimed!;
  };
  const read = async (id: string): Promise<Operation> => (await operations.read(ANONYMOUS, id))!;
  const facts = async (id: string) =>
    (
      await metadata.database.read<{ subject: string }>(
        `SELECT subject FROM outbox WHERE message -> 'data' ->> 'operation' = $1 ORDER BY id`,
        [id],
      )
    ).map(({ subject }) => subject.replace('entrepot.fact.operation.', ''));
  const lapse = (id: string) =>
    run(`UPDATE operation SET claimed_until = now() - interval '1 second' WHERE id = $1`, [id]);
  const failure = { error: { code: 'UPSTREAM', message: 'it answered 503' }, temporary: true, giveBack: false };
  const complete = (operation: { id: string; epoch: number }, { digest }: { digest: Digest }, tag: string | null) =>
    pulls.complete({
      id: operation.id,
      epoch: operation.epoch,
      repository: repositoryName(ALPINE),
      tag: tag === null ? null : { name: tag as Tag, askedMsAgo: 0 },
      digest,
      outcome: { size: 1 },
    });
  const tagged = async (tag: string) =>
    (await metadata.hot.resolveTags({ tags: [{ repository: repositoryName(ALPINE), tag: tag as Tag }] })).manifests[0]
      ?.digest;

  it('accepts once for a principal and an id, however many ask at once', async () => {
    const asked = Array.from({ length: 30 }, () =>
      operations.accept({ principal: ANONYMOUS, requestId: 'same', kind: 'pull', body: { reference: 'alpine:3' } }),
    );
    const answers = await Promise.all(asked);
    expect(new Set(answers.map(({ operation }) => operation.id)).size).toBe(1);
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect(await facts(answers[0]!.operation.id)).toEqual(['accepted']);
  });

  it('sees the same request in another order of keys, and with its defaults written out', async () => {
    const first = await accept('order');
    const body = { platforms: 'host', reference: 'alpine:3' };
    const again = await operations.accept({ principal: ANONYMOUS, requestId: 'order', kind: 'pull', body });
    expect(again).toMatchObject({ created: false, operation: { id: first.id } });
  });

  it('refuses the same id with another body, and allows it to another principal', async () => {
    await accept('taken');
    await expect(accept('taken', 'alpine:4')).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await accept('taken', 'alpine:4', KIM)).toMatchObject({ principal: 'k1m' });
  });

  it.each([
    [{ reference: 'Alpine' }, 'reference'],
    [{ reference: '' }, 'reference'],
    [{ reference: 'alpine', platforms: ['linux'] }, 'platforms'],
    [{ reference: 'alpine', admin: true }, 'admin'],
  ])('refuses %j with the field and the rule, and stores nothing', async (body, field) => {
    const asked = operations.accept({ principal: ANONYMOUS, requestId: 'bad', kind: 'pull', body });
    await expect(asked).rejects.toMatchObject({ code: 'INVALID', detail: { field } });
    const control = operations.accept({
      principal: ANONYMOUS,
      requestId: 'a\u0000',
      kind: 'pull',
      body: { reference: 'a' },
    });
    await expect(control).rejects.toMatchObject({ code: 'INVALID', detail: { field: 'requestId' } });
    expect((await operations.list({ principal: ANONYMOUS, limit: 10 })).operations).toEqual([]);
  });

  it('gives each due operation to one worker, and counts the attempt before it starts', async () => {
    for (let n = 0; n < 40; n++) await accept();
    const claims = await Promise.all(Array.from({ length: 8 }, (_, n) => claim(`worker ${n}`, 10)));
    const ids = claims.flat().map(({ id }) => id);
    expect(ids).toHaveLength(40);
    expect(new Set(ids).size).toBe(40);
    expect(claims.flat().every(({ attempts, epoch }) => attempts === 1 && epoch === 1)).toBe(true);
  });

  it('says when the next is due', async () => {
    expect((await work.claim('one', ['pull'], 1)).nextInMs).toBeNull();
    const claimed = await claimOne();
    await work.fail(claimed, { ...failure, retryAfterMs: 50_000 });
    const { operations: none, nextInMs } = await work.claim('one', ['pull'], 1);
    expect(none).toEqual([]);
    expect(nextInMs).toBeGreaterThan(40_000);
    expect(nextInMs).toBeLessThanOrEqual(50_000);
    expect(await read(claimed.id)).toMatchObject({
      state: 'accepted',
      nextAttemptAt: expect.any(String),
      error: failure.error,
    });
  });

  it("gives a lost worker's operation to the next, and the lost one no longer counts", async () => {
    const lost = await claimOne();
    await lapse(lost.id);
    const [next] = await claim('two');
    expect(next).toMatchObject({ id: lost.id, epoch: 2, attempts: 2 });
    const image = anImage();
    await expect(work.fail(lost, failure)).rejects.toMatchObject({ code: 'STALE' });
    await expect(work.resolve(lost, { repository: ALPINE, tag: '3', digest: image.digest })).rejects.toMatchObject({
      code: 'STALE',
    });
    await expect(pulls.readBlobs(lost)).rejects.toMatchObject({ code: 'STALE' });
    await expect(complete(lost, image, '3')).rejects.toMatchObject({ code: 'STALE' });
    await expect(fetchManifest(metadata, ALPINE, image, { operation: lost })).rejects.toMatchObject({ code: 'STALE' });
    expect(await work.renew([lost, next!])).toEqual({ renewed: [next!.id], cancelled: [], lost: [lost.id] });
  });

  it('keeps an operation whose lease is renewed', async () => {
    const claimed = await claimOne();
    await lapse(claimed.id);
    expect((await work.renew([claimed])).renewed).toEqual([claimed.id]);
    expect(await claim('two')).toEqual([]);
  });

  it('tries a passing failure again until the attempts are used up, then fails with the last reason', async () => {
    const { id } = await accept();
    for (let attempt = 1; attempt <= 8; attempt++) {
      await run('UPDATE operation SET due_at = now()');
      const [claimed] = await claim();
      expect(claimed?.attempts).toBe(attempt);
      expect(await work.fail(claimed!, failure)).toBe(attempt === 8);
    }
    expect(await read(id)).toMatchObject({
      state: 'failed',
      attempts: 8,
      error: failure.error,
      endedAt: expect.any(String),
    });
    expect(await facts(id)).toEqual(['accepted', 'failed']);
  });

  it('fails at once for a lasting reason, and does not count an attempt that was given back', async () => {
    const given = await claimOne();
    expect(await work.fail(given, { ...failure, giveBack: true, retryAfterMs: 0 })).toBe(false);
    const [again] = await claim();
    expect(again).toMatchObject({ id: given.id, attempts: 1, epoch: 2 });
    expect(await work.fail(again!, { ...failure, temporary: false })).toBe(true);
    expect(await read(given.id)).toMatchObject({ state: 'failed' });
  });

  it('fails an operation that lost its worker at its last attempt: nothing is tried for ever', async () => {
    const claimed = await claimOne();
    await run('UPDATE operation SET attempts = 8 WHERE id = $1', [claimed.id]);
    await lapse(claimed.id);
    expect(await claim()).toEqual([]);
    expect(await read(claimed.id)).toMatchObject({ state: 'failed', error: { code: 'UNAVAILABLE' } });
  });

  it('keeps a failure whatever its text and detail are', async () => {
    const claimed = await claimOne();
    const error = { code: 'UPSTREAM', message: `a\u0000b\ud800${'x'.repeat(5_000)}`, detail: 'y'.repeat(100_000) };
    await work.fail(claimed, { error, temporary: false, giveBack: false });
    const failed = await read(claimed.id);
    expect(failed.error?.message.length).toBe(2_000);
    expect(failed.error?.message.startsWith('a\ufffdb\ufffdx')).toBe(true);
    expect(failed.error).not.toHaveProperty('detail');
  });

  it('cancels at once what waits, and what runs when its worker renews', async () => {
    const waiting = await accept();
    expect(await operations.cancel(ANONYMOUS, waiting.id)).toMatchObject({ state: 'cancelled' });
    expect(await facts(waiting.id)).toEqual(['accepted', 'cancelled']);
    await expect(operations.cancel(ANONYMOUS, waiting.id)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await operations.cancel(KIM, waiting.id)).toBeNull();
    const running = await claimOne();
    await expect(work.endCancelled(running)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await operations.cancel(ANONYMOUS, running.id)).toMatchObject({ state: 'running' });
    expect(await work.renew([running])).toEqual({ renewed: [], cancelled: [running.id], lost: [] });
    await work.endCancelled(running);
    expect(await read(running.id)).toMatchObject({ state: 'cancelled' });
  });

  it('ends as cancelled what was called off while its worker was failing or lost', async () => {
    const failing = await claimOne();
    await operations.cancel(ANONYMOUS, failing.id);
    expect(await work.fail(failing, failure)).toBe(true);
    expect(await read(failing.id)).toMatchObject({ state: 'cancelled' });
    const lost = await claimOne();
    await operations.cancel(ANONYMOUS, lost.id);
    await lapse(lost.id);
    expect(await claim()).toEqual([]);
    expect(await read(lost.id)).toMatchObject({ state: 'cancelled' });
  });

  describe('a pull', () => {
    const begin = async (image: MadeManifest) => {
      const claimed = await claimOne();
      await fetchManifest(metadata, ALPINE, image, { operation: claimed });
      await work.resolve(claimed, { repository: ALPINE, tag: '3', digest: image.digest });
      return claimed;
    };

    it('ends with its tag, its outcome and its facts together, once nothing is missing', async () => {
      const image = anImage();
      const claimed = await begin(image);
      expect(await complete(claimed, image, 'whole')).toBe(false);
      expect(await tagged('whole')).toBeUndefined();
      expect(await pulls.readBlobs(claimed)).toMatchObject({ missing: 3, failed: [], bytesDone: 0 });
      await runFills(metadata);
      const total = image.blobs.reduce((sum, { size }) => sum + size, 0);
      expect(await pulls.readBlobs(claimed)).toEqual({ missing: 0, failed: [], bytesDone: total, bytesTotal: total });
      expect(await complete(claimed, image, 'whole')).toBe(true);
      expect(await tagged('whole')).toBe(image.digest);
      expect(await read(claimed.id)).toMatchObject({
        state: 'completed',
        outcome: { size: 1 },
        image: { repository: ALPINE, tag: '3', digest: image.digest },
        bytesDone: total,
        bytesTotal: total,
      });
      expect(await facts(claimed.id)).toEqual(['accepted', 'completed']);
      const reviews = await metadata.database.read('SELECT 1 FROM review WHERE digest = $1', [image.digest]);
      expect(reviews).toHaveLength(1);
    });

    it('answers the same when its end is sent again', async () => {
      const image = anImage();
      const claimed = await begin(image);
      await runFills(metadata);
      expect(await complete(claimed, image, 'twice')).toBe(true);
      expect(await complete(claimed, image, 'twice')).toBe(true);
      expect(await facts(claimed.id)).toEqual(['accepted', 'completed']);
    });

    it('ends in one step where its image is here whole, and only from the same source', async () => {
      const image = anImage();
      await complete(await begin(image), image, 'again').catch(() => undefined);
      await runFills(metadata);
      const claimed = await claimOne();
      const end = {
        id: claimed.id,
        epoch: claimed.epoch,
        repository: repositoryName(ALPINE),
        tag: { name: 'again' as Tag, askedMsAgo: 0 },
        digest: image.digest,
        outcome: { size: 1 },
      };
      const stranger = { upstream: 'docker.io', credential: 'team' };
      expect(await pulls.complete({ ...end, held: { source: stranger, manifests: [image.digest] } })).toBe(false);
      const more = [image.digest, anImage().digest];
      expect(await pulls.complete({ ...end, held: { source: HUB, manifests: more } })).toBe(false);
      const gone = anImage().digest;
      expect(await pulls.complete({ ...end, digest: gone, held: { source: HUB, manifests: [gone] } })).toBe(false);
      const kept = 'SELECT digest FROM operation_manifest WHERE operation_id = $1';
      expect(await metadata.database.read(kept, [claimed.id])).toEqual([]);
      await metadata.database.read('DELETE FROM review');
      await expect(pulls.complete({ ...end, digest: gone })).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
      expect(await pulls.complete({ ...end, held: { source: HUB, manifests: [image.digest] } })).toBe(true);
      expect(await metadata.database.read(kept, [claimed.id])).toEqual([{ digest: image.digest }]);
      expect(await metadata.database.read('SELECT digest FROM review')).toEqual([]);
      expect(await tagged('again')).toBe(image.digest);
      expect(await read(claimed.id)).toMatchObject({
        state: 'completed',
        image: { repository: ALPINE, tag: 'again', digest: image.digest },
      });
    });

    it('called off, ends the downloads that it alone wants, and their bytes go', async () => {
      const [shared, followed] = [someBytes(OCI_LAYER_GZIP), someBytes(OCI_LAYER_GZIP)];
      const image = anImage([someBytes(OCI_LAYER_GZIP), shared, followed]);
      const listed = image.blobs.map(({ digest }) => digest);
      const fills = () =>
        metadata.database.read<{ digest: string; state: string; session_id: string | null }>(
          'SELECT digest, state, session_id FROM fill WHERE digest = ANY($1)',
          [listed],
        );
      const claimed = await begin(image);
      const running = (await metadata.fills.claim('one', 64)).filter(({ digest }) => listed.includes(digest));
      await fetchManifest(metadata, ALPINE, anImage([shared]), { operation: await claimOne() });
      const wanted = await metadata.wants.want(repositoryName(ALPINE), followed.digest, true);
      const own = (await fills()).filter(({ digest }) => digest !== shared.digest && digest !== followed.digest);
      await operations.cancel(ANONYMOUS, claimed.id);
      await expect(pulls.readBlobs(claimed)).rejects.toMatchObject({ code: 'CANCELLED' });
      await work.endCancelled(claimed);
      const left = (await fills()).filter(({ state }) => state === 'running');
      expect(left.map(({ digest }) => digest).sort()).toEqual([shared.digest, followed.digest].sort());
      expect(left.map(({ session_id }) => session_id)).toContain(wanted.object);
      expect(await metadata.fills.renew(running)).toHaveLength(2);
      const gone = (await metadata.purges.claim(10)).objects.map(({ object }) => object);
      expect(gone.sort()).toEqual(own.map(({ session_id }) => session_id).sort());
      expect(await metadata.rows.check()).toEqual([]);
      await begin(image);
      const again = (await fills()).filter(({ state }) => state === 'wanted');
      expect(again.map(({ digest }) => digest).sort()).toEqual(own.map(({ digest }) => digest).sort());
    });

    it('of what was removed by itself and is here still, has its subject keep it again', async () => {
      const image = anImage();
      await complete(await begin(image), image, 'again').catch(() => undefined);
      await runFills(metadata);
      const run = (text: string) => metadata.database.read(text, [image.digest]);
      await run('UPDATE repository_manifest SET detached = true, removed_at = now() WHERE digest = $1');
      const { id, epoch } = await claimOne();
      const end = { id, epoch, repository: repositoryName(ALPINE), tag: null, digest: image.digest, outcome: {} };
      expect(await pulls.complete({ ...end, held: { source: HUB, manifests: [image.digest] } })).toBe(true);
      expect(await run('SELECT detached FROM repository_manifest WHERE digest = $1')).toEqual([{ detached: false }]);
    });

    it('does not end while its bytes are here only for another repository', async () => {
      const image = anImage();
      await fetchManifest(metadata, 'quay.io/other/alpine', image, {
        source: { upstream: 'quay.io', credential: 'team' },
        isPrivate: true,
      });
      await runFills(metadata);
      const claimed = await begin(image);
      expect(await pulls.readBlobs(claimed)).toMatchObject({ missing: 3 });
      expect(await complete(claimed, image, 'foreign')).toBe(false);
    });

    it('does not end with an image that is not in its repository', async () => {
      const claimed = await begin(anImage());
      await expect(complete(claimed, anImage(), 'nowhere')).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
    });

    it('shows each layer, what is stored of it, and why one failed', async () => {
      const image = anImage();
      const claimed = await begin(image);
      const digests = image.blobs.map(({ digest }) => digest);
      const fills = await metadata.fills.claim('spec', 64);
      const [first, second] = fills.filter(({ digest }) => digests.includes(digest));
      const { epoch } = await metadata.sessions.take(first!.session);
      await metadata.sessions.commitExtent(first!.session, epoch, { offset: 0, length: 100, key: null });
      const error = { code: 'BLOB_UNKNOWN', message: 'it is gone' };
      const fault = { error, temporary: false, discard: false, giveBack: false };
      await metadata.fills.fail(second!.id, second!.epoch, fault);
      const { layers, bytesDone } = await read(claimed.id);
      const states = Object.fromEntries(layers.map(({ digest, state, done }) => [digest, [state, done]]));
      expect(states[first!.digest]).toEqual(['filling', 100]);
      expect(states[second!.digest]?.[0]).toBe('failed');
      expect(bytesDone).toBe(100);
      expect((await pulls.readBlobs(claimed)).failed).toEqual([{ digest: second!.digest, error }]);
    });

    it('is taken over by another worker after the first was lost, without doing anything twice', async () => {
      const image = anImage();
      const lost = await begin(image);
      await runFills(metadata);
      await lapse(lost.id);
      const [next] = await claim('two');
      expect(await fetchManifest(metadata, ALPINE, image, { operation: next! })).toEqual([]);
      await expect(complete(lost, image, 'fenced')).rejects.toMatchObject({ code: 'STALE' });
      expect(await tagged('fenced')).toBeUndefined();
      expect(await complete(next!, image, 'fenced')).toBe(true);
      expect(await facts(lost.id)).toEqual(['accepted', 'completed']);
    });
  });

  describe('the list', () => {
    it('pages through all of a principal, newest first, each once', async () => {
      const ids: string[] = [];
      for (let n = 0; n < 25; n++) ids.unshift((await accept()).id);
      await accept('of another', 'alpine:3', KIM);
      const seen: string[] = [];
      let after: string | undefined;
      do {
        const page = await operations.list({
          principal: ANONYMOUS,
          limit: 10,
          ...(after === undefined ? {} : { after }),
        });
        seen.push(...page.operations.map(({ id }) => id));
        after = page.next ?? undefined;
      } while (after !== undefined);
      expect(seen).toEqual(ids);
      for (const after of ['x', `1.${'-'.repeat(36)}`, `999999999999999999.${ids[0]}`]) {
        await expect(operations.list({ principal: ANONYMOUS, limit: 1, after })).rejects.toMatchObject({
          ...{ code: 'INVALID', detail: { field: 'after' } },
        });
      }
    });

    it('has reports of containers only where they are asked for', async () => {
      const report = { reporter: 'engine', holder: 'h', containers: [] };
      const asked = { principal: ANONYMOUS, requestId: 'r1', kind: 'container-report' as const, body: report };
      const { operation } = await operations.accept(asked);
      const list = async (more: object) =>
        (await operations.list({ principal: ANONYMOUS, limit: 1000, ...more })).operations;
      expect((await list({})).map(({ kind }) => kind)).not.toContain('container-report');
      expect((await list({ state: 'completed' })).map(({ kind }) => kind)).not.toContain('container-report');
      expect((await list({ kind: 'container-report' })).map(({ id }) => id)).toEqual([operation.id]);
    });

    it('filters by kind and state, and refuses a cursor that it did not give', async () => {
      await accept();
      const claimed = await claimOne().catch(async () => (await claim())[0]!);
      const running = await operations.list({ principal: ANONYMOUS, state: 'running', limit: 10 });
      expect(running.operations.length).toBeGreaterThan(0);
      expect(running.operations.every(({ state }) => state === 'running')).toBe(true);
      expect((await operations.list({ principal: ANONYMOUS, kind: 'remove', limit: 10 })).operations).toEqual([]);
      for (const after of ['x', `1.${claimed.id}.2`, '-1', "1'; DROP TABLE operation"]) {
        await expect(operations.list({ principal: ANONYMOUS, after, limit: 1 })).rejects.toMatchObject({
          code: 'INVALID',
        });
      }
    });
  });
});
