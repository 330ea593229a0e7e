import { randomUUID } from 'node:crypto';
import { CompletePull } from '#contracts/calls/operations';
import { ANONYMOUS } from '#contracts/principal';
import { interleave } from '../database/two-at-once.testing';
import {
  anImage,
  fetchManifest,
  fetchWhole,
  type MadeManifest,
  type Metadata,
  openMetadata,
  repositoryName,
  reviewAll,
  untag,
} from '../metadata.testing';
import { OperationWorkStore } from '../operation/operation-work.store';
import { PullWorkStore } from '../operation/pull-work.store';
import { ImageStore } from './image.store';
import { PullCountStore, RECORD_PULLS } from './pull-count.store';

const ALPINE = 'docker.io/library/alpine';
const NODE = 'docker.io/library/node';
const MINUTE = 60_000;

describe('a pull that was counted', () => {
  let metadata: Metadata;
  let pulls: PullCountStore;
  let images: ImageStore;
  beforeAll(async () => {
    metadata = await openMetadata({ ENTREPOT_REVIEW_DELAY_MS: 0, ENTREPOT_PIN_MS: 1, ENTREPOT_PIN_WRITE_MS: 0 });
    await metadata.presence.beat();
    pulls = new PullCountStore(metadata.database);
    images = new ImageStore(metadata.database);
  });
  const empty = () =>
    metadata.database.read('TRUNCATE repository, manifest, object, operation, review, outbox CASCADE');
  beforeEach(empty);
  afterEach(async () => {
    expect(await metadata.rows.check()).toEqual([]);
  });
  afterAll(() => metadata?.stop());

  const pulled = (repository: string, { digest }: MadeManifest, lastMsAgo = 0, count = 1) => ({
    repository: repositoryName(repository),
    digest,
    lastMsAgo,
    count,
  });
  const listed = async (repository: string) => (await images.list({ repository, limit: 10 })).images;
  const agoMs = async (repository: string) => {
    const [image] = await listed(repository);
    return Date.now() - Date.parse(image!.pulledAt!);
  };
  const rows = () => metadata.database.read('SELECT * FROM pull_count');
  const age = (by: string) =>
    metadata.database.read(
      `UPDATE repository_manifest SET committed_at = now() - interval '${by}'; UPDATE review SET due_at = now()`,
    );

  it('adds to those before it, and the last one is what is shown', async () => {
    const image = anImage();
    await fetchWhole(metadata, ALPINE, image, { tag: '3' });
    expect(await listed(ALPINE)).toMatchObject([{ pulls: 0, pulledAt: null }]);
    await pulls.record([pulled(ALPINE, image, 2 * MINUTE, 4)]);
    await pulls.record([pulled(ALPINE, image, 60 * MINUTE, 3), pulled(ALPINE, image, 50 * MINUTE, 2)]);
    expect(await listed(ALPINE)).toMatchObject([{ pulls: 9 }]);
    expect(await agoMs(ALPINE)).toBeGreaterThanOrEqual(2 * MINUTE - 1000);
    expect(await agoMs(ALPINE)).toBeLessThan(3 * MINUTE);
  });

  it('counts for its own repository alone, and not where the image is not shown', async () => {
    const image = anImage();
    await fetchWhole(metadata, ALPINE, image, { tag: '3' });
    await fetchWhole(metadata, NODE, image, { tag: '20' });
    await pulls.record([pulled(NODE, image), pulled(NODE, anImage()), pulled('docker.io/library/none', image)]);
    expect(await listed(NODE)).toMatchObject([{ pulls: 1 }]);
    expect(await listed(ALPINE)).toMatchObject([{ pulls: 0, pulledAt: null }]);
    expect(await rows()).toHaveLength(1);
  });

  it('keeps untagged content from then on, and is forgotten with it', async () => {
    const image = anImage();
    await fetchWhole(metadata, ALPINE, image);
    await pulls.record([pulled(ALPINE, image, MINUTE)]);
    await age('60 days');
    expect(await reviewAll(metadata)).toMatchObject({ removed: 0 });
    await metadata.database.read(`UPDATE pull_count SET pulled_at = now() - interval '31 days'`);
    await age('60 days');
    expect(await reviewAll(metadata)).toMatchObject({ removed: 1 });
    expect(await rows()).toEqual([]);
  });

  it('keeps nothing that somebody asked to go after it, and what was pulled after that', async () => {
    const image = anImage();
    await fetchWhole(metadata, ALPINE, image, { tag: '3' });
    await untag(metadata, ALPINE, '3', MINUTE);
    await pulls.record([pulled(ALPINE, image, MINUTE)]);
    expect(await listed(ALPINE)).toEqual([]);
    await pulls.record([pulled(ALPINE, image)]);
    expect(await listed(ALPINE)).toHaveLength(1);
    await metadata.database.read('UPDATE review SET due_at = now()');
    expect(await reviewAll(metadata)).toMatchObject({ removed: 0 });
    await metadata.database.read(
      `UPDATE pull_count SET pulled_at = now() - interval '1 hour'; UPDATE review SET due_at = now()`,
    );
    expect(await reviewAll(metadata)).toMatchObject({ removed: 1 });
  });

  it('is not what a fetch does, however often it is tried', async () => {
    const image = anImage();
    for (let times = 0; times < 3; times++) await fetchManifest(metadata, ALPINE, image, { tag: '3' });
    expect(await listed(ALPINE)).toMatchObject([{ pulls: 0, pulledAt: null }]);
  });

  /** A message pull from its acceptance to its claim. */
  async function claimPull(image: MadeManifest): Promise<{ id: string; epoch: number }> {
    const { database, config } = metadata;
    const asked = { principal: ANONYMOUS, requestId: randomUUID(), kind: 'pull' as const };
    const body = { reference: `alpine@${image.digest}` };
    await metadata.operations.accept({ ...asked, body });
    const { operations } = await new OperationWorkStore(database, config).claim('one', ['pull'], 1);
    return operations[0]!;
  }
  const completePull = ({ id, epoch }: { id: string; epoch: number }, { digest }: MadeManifest, by = metadata) =>
    new PullWorkStore(by.database, by.tags, by.creates, by.config).complete(
      CompletePull.question.parse({ id, epoch, repository: ALPINE, tag: null, digest, outcome: {} }),
    );

  it('is what a message asks for, when it has it: untagged content stays for it, and no client is counted', async () => {
    const image = anImage();
    await fetchWhole(metadata, ALPINE, image);
    await age('60 days');
    const operation = await claimPull(image);
    await fetchManifest(metadata, ALPINE, image, { operation });
    expect(await rows()).toEqual([]);
    await completePull(operation, image);
    expect(await listed(ALPINE)).toMatchObject([{ pulls: 0, pulledAt: expect.any(String) }]);
    await metadata.database.read('UPDATE review SET due_at = now()');
    expect(await reviewAll(metadata)).toMatchObject({ removed: 0 });
  });

  it('is what a message asks for after somebody asked that it goes, a second after the last pull', async () => {
    const image = anImage();
    await fetchWhole(metadata, ALPINE, image, { tag: '3' });
    await pulls.record([pulled(ALPINE, image)]);
    await untag(metadata, ALPINE, '3', MINUTE);
    expect(await listed(ALPINE)).toEqual([]);
    await completePull(await claimPull(image), image);
    expect(await listed(ALPINE)).toHaveLength(1);
  });

  it('holds up nobody who asks for the same by message', async () => {
    const image = anImage();
    await fetchWhole(metadata, ALPINE, image);
    const [first, second] = [await claimPull(image), await claimPull(image)];
    await completePull(await claimPull(image), image);
    const ends = await interleave(
      metadata,
      'metadata.complete-pull',
      (paused) => completePull(first, image, paused),
      () => completePull(second, image),
      false,
    );
    expect(ends).toEqual([true, true]);
  });

  it('waits for nobody who collects, and nobody who collects waits for it', async () => {
    const image = anImage();
    await fetchWhole(metadata, ALPINE, image, { tag: '3' });
    await pulls.record([pulled(ALPINE, image)]);
    await metadata.database.transaction('spec.collect', async (sql) => {
      await sql.query('SELECT 1 FROM manifest, repository_manifest FOR UPDATE');
      await pulls.record([pulled(ALPINE, image)]);
    });
    await metadata.database.transaction('spec.count', async (sql) => {
      await sql.query('SELECT 1 FROM pull_count FOR UPDATE');
      await metadata.database.read('DELETE FROM tag');
      await age('60 days');
      expect(await metadata.manifestReviews.review(await repositoryId(), image.digest)).toBe('postponed');
    });
    expect(await listed(ALPINE)).toHaveLength(1);
  });

  const repositoryId = async () => (await metadata.database.read<{ id: number }>('SELECT id FROM repository'))[0]!.id;

  it('costs what was pulled, not what the store holds', async () => {
    await metadata.database.read(
      `INSERT INTO repository (name, upstream) SELECT 'docker.io/filler/r' || n, 'docker.io' FROM generate_series(1, 3000) n;
       INSERT INTO manifest (digest, media_type, kind, bytes)
         SELECT 'sha256:' || md5(n::text) || md5('x' || n), 'a/b', 'image', '{}' FROM generate_series(1, 20000) n;
       INSERT INTO repository_manifest (repository_id, digest, upstream, credential)
         SELECT (SELECT min(id) FROM repository) + n % 3000, 'sha256:' || md5(n::text) || md5('x' || n), 'docker.io', 'anonymous'
         FROM generate_series(1, 20000) n;
       INSERT INTO review (kind, repository_id, digest, due_at)
         SELECT 'manifest', repository_id, digest, now() + interval '1 day' FROM repository_manifest`,
    );
    await metadata.database.read('ANALYZE');
    const names = Array.from({ length: 1000 }, (_, at) => `docker.io/filler/r${at}`);
    const values = [names, names.map(() => anImage().digest), names.map(() => 1), names.map(() => 0)];
    const plan = await metadata.database.read<{ 'QUERY PLAN': string }>(`EXPLAIN ${RECORD_PULLS}`, values);
    await empty();
    expect(plan.map((row) => row['QUERY PLAN']).join('\n')).not.toContain('Seq Scan');
  });
});
