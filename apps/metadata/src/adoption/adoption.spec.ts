import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  type Metadata,
  openMetadata,
  removeNow,
  reviewAll,
} from '../metadata.testing';

const NODE = 'docker.io/library/node';
const OTHER = 'docker.io/library/other';
const WORKER = randomUUID();
const ELSE = randomUUID();

interface Segment {
  readonly generation: number;
  readonly segment: number;
  readonly bytes: Uint8Array;
}

/** What a database says of names and rights, whatever its ids. */
const NAMES = {
  repository: 'SELECT name, upstream, is_private, created_at FROM repository',
  shown: `SELECT name, digest, visible.upstream, credential, committed_at FROM repository_manifest AS visible
    JOIN repository ON repository.id = repository_id`,
  manifest: 'SELECT digest, media_type, kind, bytes, subject, artifact_type, annotations FROM manifest',
  listed: 'SELECT manifest, digest, position, role, media_type, size, required, held FROM manifest_blob',
  child: 'SELECT parent, digest, position, media_type, size, platform, held FROM manifest_child',
  tag: `SELECT repository.name AS repository, tag.name, digest, moved_at FROM tag JOIN repository ON repository.id = repository_id`,
  moves: `SELECT repository.name AS repository, tag_move.name, from_digest, to_digest, principal, moved_at FROM tag_move
    JOIN repository ON repository.id = repository_id`,
  rights: `SELECT name, digest, given.upstream, credential FROM repository_blob AS given JOIN repository ON repository.id = repository_id`,
  blob: 'SELECT digest, object_id, size FROM blob',
};

describe('a database that is behind its store', () => {
  let metadata: Metadata;
  let other: Metadata;
  beforeAll(async () => {
    [metadata, other] = await Promise.all([openMetadata(QUICK), openMetadata(QUICK)]);
    await metadata.presence.beat();
  });
  afterAll(() => Promise.all([metadata?.stop(), other?.stop()]));
  beforeEach(async () => {
    for (const each of [metadata, other])
      await run(
        each,
        `TRUNCATE repository, manifest, object, operation, review, journal, journal_segment, adoption, absence CASCADE;
          UPDATE installation SET journal_written = 0, generation = 1, reconciled_generation = 1`,
      );
  });
  afterEach(async () => {
    for (const each of [metadata, other]) expect(await each.rows.check()).toEqual([]);
  });

  const QUICK = { ENTREPOT_REVIEW_DELAY_MS: 0, ENTREPOT_PIN_MS: 1, ENTREPOT_PIN_WRITE_MS: 0, ENTREPOT_UNDO_MS: 0 };
  const run = <Row>({ database }: Metadata, text: string, params: unknown[] = []) => database.read<Row>(text, params);

  async function namesOf(from: Metadata): Promise<Record<string, string[]>> {
    const names: Record<string, string[]> = {};
    for (const [name, select] of Object.entries(NAMES)) {
      const rows = await run<{ row: string }>(from, `SELECT t::text AS row FROM (${select}) AS t ORDER BY 1`);
      names[name] = rows.map(({ row }) => row);
    }
    return names;
  }

  /** Takes all that waits into a store. */
  async function drain(from: Metadata): Promise<Segment[]> {
    const segments: Segment[] = [];
    for (;;) {
      const { generation, segment, bytes } = await from.journal.take();
      if (bytes.length === 0) return segments;
      segments.push({ generation, segment, bytes });
      await from.journal.end(segment);
    }
  }

  /** What blobs does with what lies in a store. */
  async function adopt(into: Metadata, segments: readonly Segment[], stored: readonly Stored[]): Promise<void> {
    const { adoption } = await into.adoption.take(WORKER);
    const { generation, segment } = adoption!.after;
    for (const each of segments) {
      if (each.generation > generation || (each.generation === generation && each.segment > segment))
        await into.adoption.adoptSegment(WORKER, each, each.bytes);
    }
    await into.adoption.endPhase(WORKER, 'names');
    const ids = stored.map(({ id }) => id).sort();
    const { missing } = await into.adoptions.compare({ worker: WORKER, from: null, to: null, stored: ids });
    for (const { object } of missing) await into.objects.markLost(object, 'spec');
    await into.adoption.endPhase(WORKER, 'missing', missing.length);
    const { unknown } = await into.adoptions.compare({ worker: WORKER, from: null, to: null, stored: ids });
    for (const { id, digest, size } of stored.filter(({ id }) => unknown.includes(id))) {
      const extents = size > 0 ? [{ offset: 0, length: size, key: null }] : [];
      await into.adoptions.adopt({ object: id, digest: digest as never, size, extents, quarantine: true });
    }
    await into.adoption.endPhase(WORKER, 'objects');
  }

  interface Stored {
    readonly id: string;
    readonly digest: string;
    readonly size: number;
  }
  const storedOf = (from: Metadata) =>
    run<Stored>(from, `SELECT id, digest, size FROM object WHERE state <> 'uploading'`);
  const installationOf = async (from: Metadata) =>
    (await run<{ id: string }>(from, 'SELECT id FROM installation'))[0]!.id;
  const state = async (from: Metadata) =>
    (
      await run<Record<string, unknown>>(
        from,
        `SELECT generation, reconciled_generation AS reconciled FROM installation`,
      )
    )[0]!;

  /** Images that share layers, an index, tags that move and go, what is private, and what was removed. */
  async function live(): Promise<void> {
    const [one, two, gone, shared] = [anImage(), anImage(), anImage(), anImage()];
    const child = anImage([two.blobs[1]!]);
    await fetchWhole(metadata, NODE, one, { tag: '1' });
    await fetchWhole(metadata, NODE, two, { tag: '1' });
    await fetchWhole(metadata, NODE, gone, { tag: 'gone' });
    await fetchManifest(metadata, NODE, anIndex([child, anImage()]), { tag: 'index' });
    await fetchWhole(metadata, NODE, child);
    await fetchWhole(metadata, OTHER, shared, {
      tag: 'x',
      isPrivate: true,
      source: { upstream: 'docker.io', credential: 'me' },
    });
    await fetchManifest(metadata, OTHER, anImage(), { tag: 'half' });
    await removeNow(metadata, { reference: 'node:gone' });
    await run(metadata, 'DELETE FROM pin');
    await reviewAll(metadata);
  }

  it('answers a thousand that are missing at once, and the next ones after the last of these', async () => {
    await metadata.journal.noteRestored(1);
    await metadata.adoption.take(WORKER);
    await run(
      metadata,
      `INSERT INTO object (id, state, digest, size, created_at, verified_at)
        SELECT gen_random_uuid(), 'live', 'sha256:' || encode(sha256(n::text::bytea), 'hex'), 1, now() - interval '1 day', now()
        FROM generate_series(1, 1003) AS n`,
    );
    const ask = (from: string | null) =>
      metadata.adoptions.compare({ worker: WORKER, from, to: null, stored: [] }).then(({ missing }) => missing);
    const first = await ask(null);
    const rest = await ask(first.at(-1)!.object);
    expect([first.length, rest.length]).toEqual([1000, 3]);
    expect(new Set([...first, ...rest].map(({ object }) => object)).size).toBe(1003);
    await run(metadata, 'TRUNCATE object CASCADE');
    await run(metadata, 'TRUNCATE adoption; UPDATE installation SET generation = 1');
  });

  it('has everything back that the journal and the objects say, from nothing', async () => {
    await live();
    const segments = await drain(metadata);
    const stray = { id: randomUUID(), digest: anImage().digest, size: 5 };
    const stored = await storedOf(metadata);
    await other.adoption.beginRebuild(await installationOf(metadata), 1);
    await other.adoption.beginRebuild(await installationOf(metadata), 1);
    await adopt(other, segments, [...stored, stray]);
    expect(await namesOf(other)).toEqual(await namesOf(metadata));
    expect(await state(other)).toEqual({ generation: 2, reconciled: 2 });
    const aside = await run(other, `SELECT digest FROM object WHERE state = 'condemned' AND id = $1`, [stray.id]);
    expect(aside).toEqual([{ digest: stray.digest }]);
    // What is rebuilt says nothing twice: the journal goes on where it was.
    expect(await drain(other)).toEqual([]);
  }, 120_000);

  it('is not made from nothing where there is something', async () => {
    await fetchManifest(other, NODE, anImage());
    await expect(other.adoption.beginRebuild(randomUUID(), 1)).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('has back what came later, lets go what went, and purges nothing before', async () => {
    const [kept, moved, removed, later] = [anImage(), anImage(), anImage(), anImage()];
    await run(other, 'UPDATE installation SET id = $1', [await installationOf(metadata)]);
    for (const each of [metadata, other]) {
      await fetchWhole(each, NODE, kept, { tag: 'latest' });
      await fetchWhole(each, NODE, removed, { tag: 'removed' });
    }
    // Two databases of one past: what waits in the one was taken into the store by the other.
    const before = await drain(metadata);
    await copyJournal(before);
    await fetchWhole(metadata, NODE, moved, { tag: 'latest' });
    await fetchWhole(metadata, OTHER, later, { tag: 'new' });
    await removeNow(metadata, { reference: 'node:removed' });
    await run(metadata, 'DELETE FROM pin');
    await run(other, 'DELETE FROM pin');
    await reviewAll(metadata);
    await run(other, `INSERT INTO object (id, state) VALUES ($1, 'purging')`, [randomUUID()]);

    await other.journal.noteRestored(1);
    expect((await other.journal.take()).bytes).toHaveLength(0);
    await other.presence.beat();
    expect((await other.purges.claim(10)).objects).toEqual([]);
    await run(other, `DELETE FROM object WHERE state = 'purging'`);
    await adopt(other, [...before, ...(await drain(metadata))], await storedOf(metadata));
    const [here, there] = [await namesOf(other), await namesOf(metadata)];
    for (const name of ['manifest', 'listed', 'rights'] as const) expect(here[name]).toEqual(there[name]);
    const tags = await run(other, 'SELECT tag.name, digest FROM tag ORDER BY 1');
    expect(tags).toEqual([
      { name: 'latest', digest: moved.digest },
      { name: 'new', digest: later.digest },
    ]);
    expect(await state(other)).toEqual({ generation: 2, reconciled: 2 });
    expect(await drain(other)).toEqual([]);
  }, 120_000);

  it('keeps what was said after it was restored', async () => {
    const [old, newer, own] = [anImage(), anImage(), anImage()];
    await fetchWhole(metadata, NODE, old, { tag: 'latest' });
    await fetchWhole(metadata, NODE, newer, { tag: 'latest' });
    const segments = await drain(metadata);
    await run(other, 'UPDATE installation SET id = $1', [await installationOf(metadata)]);
    await other.journal.noteRestored(1);
    await fetchWhole(other, NODE, own, { tag: 'latest' });
    await adopt(other, segments, [...(await storedOf(metadata)), ...(await storedOf(other))]);
    expect(await run(other, 'SELECT digest FROM tag')).toEqual([{ digest: own.digest }]);
    expect(await run(other, 'SELECT digest FROM repository_manifest')).toHaveLength(3);
    const said = (await drain(other)).map(({ bytes }) => Buffer.from(bytes).toString()).join('');
    expect(said).toContain(own.digest);
    expect(said).not.toContain(newer.digest);
  }, 60_000);

  it('takes bytes that lie elsewhere now for those that its rows name', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: '1' });
    await drain(metadata);
    const stored = (await storedOf(metadata)).map((each) => ({ ...each, id: randomUUID() }));
    await metadata.journal.noteRestored(1);
    await adopt(metadata, [], stored);
    const blobs = await run<{ object: string }>(metadata, 'SELECT object_id AS object FROM blob ORDER BY 1');
    expect(blobs.map(({ object }) => object)).toEqual(stored.map(({ id }) => id).sort());
    expect(await run(metadata, `SELECT 1 FROM object WHERE state = 'live' AND lost_at IS NOT NULL`)).toEqual([]);
  }, 60_000);

  it('has bytes back that were condemned when the backup was made, and are in use since', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: '1' });
    const segments = await drain(metadata);
    const { digest } = image.blobs[0]!;
    await run(metadata, 'UPDATE manifest_blob SET held = NULL WHERE digest = $1', [digest]);
    await run(metadata, 'DELETE FROM blob WHERE digest = $1', [digest]);
    await run(metadata, `UPDATE object SET state = 'condemned', purge_after = now() WHERE digest = $1`, [digest]);
    await metadata.journal.noteRestored(1);
    await adopt(metadata, segments, await storedOf(metadata));
    expect(await run(metadata, 'SELECT 1 FROM blob WHERE digest = $1', [digest])).toHaveLength(1);
  }, 60_000);

  it('is read by one at a time, and each segment once', async () => {
    await fetchWhole(metadata, NODE, anImage(), { tag: '1' });
    const [segment] = await drain(metadata);
    await other.adoption.beginRebuild(await installationOf(metadata), 1);
    expect((await other.adoption.take(WORKER)).adoption).toMatchObject({ phase: 'names', generation: 2 });
    expect(await other.adoption.take(ELSE)).toEqual({ adoption: null });
    await expect(other.adoption.adoptSegment(ELSE, segment!, segment!.bytes)).rejects.toMatchObject({ code: 'STALE' });
    await other.adoption.adoptSegment(WORKER, segment!, segment!.bytes);
    await expect(other.adoption.adoptSegment(WORKER, segment!, segment!.bytes)).rejects.toMatchObject({
      code: 'STALE',
    });
    await run(other, 'UPDATE adoption SET claimed_until = now()');
    expect((await other.adoption.take(ELSE)).adoption).toMatchObject({ after: { generation: 1, segment: 1 } });
  }, 60_000);

  it.each([
    ['what is cut', '{"kind":"tag"'],
    ['what is no word', 'null'],
    ['a name that is none', JSON.stringify({ kind: 'tag-removed', repository: NODE, tag: '../x', at: new Date() })],
  ])(
    'does nothing of a segment that has %s, and says which it is',
    async (_, broken) => {
      await fetchWhole(metadata, NODE, anImage(), { tag: '1' });
      const [segment] = await drain(metadata);
      await other.adoption.beginRebuild(await installationOf(metadata), 1);
      await other.adoption.take(WORKER);
      const bytes = Buffer.concat([segment!.bytes, Buffer.from(broken)]);
      const line = Buffer.from(segment!.bytes).toString().split('\n').length;
      const message = `segment 1-1 of the journal cannot be read at its line ${line}`;
      await expect(other.adoption.adoptSegment(WORKER, segment!, bytes)).rejects.toMatchObject({
        code: 'INVALID',
        message,
      });
      expect(await run(other, 'SELECT 1 FROM repository')).toEqual([]);
      await other.adoption.adoptSegment(WORKER, segment!, segment!.bytes);
      expect(await run(other, 'SELECT name FROM tag')).toEqual([{ name: '1' }]);
    },
    60_000,
  );

  it('passes over a manifest whose bytes are not what they were, and says whose it is', async () => {
    const [image, whole] = [anImage(), anImage()];
    await fetchWhole(metadata, NODE, image, { tag: '1' });
    await fetchWhole(metadata, OTHER, whole, { tag: '1' });
    const [segment] = await drain(metadata);
    const text = Buffer.from(segment!.bytes).toString();
    const was = Buffer.from(image.bytes).toString('base64');
    const bytes = Buffer.from(text.replace(was, Buffer.from('{}').toString('base64')));
    const said = jest.spyOn(Logger.prototype, 'error').mockImplementation();
    await other.adoption.beginRebuild(await installationOf(metadata), 1);
    await adopt(other, [{ ...segment!, bytes }], await storedOf(metadata));
    expect(said.mock.calls.map(([line]) => line)).toEqual([expect.stringContaining(`a manifest of ${NODE} is not as`)]);
    said.mockRestore();
    expect(await run(other, 'SELECT digest FROM tag')).toEqual([{ digest: whole.digest }]);
  }, 60_000);

  /** The journal of a restored database waits for the store as it did when the backup was made. */
  async function copyJournal(segments: readonly Segment[]): Promise<void> {
    await run(other, 'DELETE FROM journal');
    const lines = segments.flatMap(({ bytes }) => Buffer.from(bytes).toString().split('\n').filter(Boolean));
    for (const line of lines)
      await run(
        other,
        `INSERT INTO journal (entry, at) SELECT said - '{at,mediaType,bytes}'::text[], (said ->> 'at')::timestamptz
          FROM (SELECT $1::jsonb AS said) AS one`,
        [line],
      );
    expect((await other.journal.take()).bytes.length).toBeGreaterThan(0);
  }
});
