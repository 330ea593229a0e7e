import { randomUUID } from 'node:crypto';
import { interleave, pausedAt } from '../database/two-at-once.testing';
import {
  anImage,
  fetchManifest,
  fetchWhole,
  HUB,
  type MadeManifest,
  type Metadata,
  openMetadata,
  removeNow,
  reviewAll,
  untag,
} from '../metadata.testing';

const NODE = 'docker.io/library/node';
const ENTRY_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

type Line = Record<string, unknown>;

/** The store alone can rebuild the warehouse: what it holds is written down as it changes. */
describe('the journal', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata({ ENTREPOT_REVIEW_DELAY_MS: 0 });
    await metadata.presence.beat();
  });
  beforeEach(() =>
    run(`TRUNCATE repository, manifest, object, operation, review, journal, journal_segment CASCADE;
      UPDATE installation SET journal_written = 0, generation = 1`),
  );
  afterAll(() => metadata?.stop());

  const run = <Row>(text: string, params: unknown[] = []) => metadata.database.read<Row>(text, params);
  const linesOf = (bytes: Uint8Array): Line[] =>
    Buffer.from(bytes)
      .toString()
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  /** Takes and ends all that waits; what each entry says beside its time. */
  async function drain(): Promise<Line[]> {
    const lines: Line[] = [];
    for (;;) {
      const { segment, bytes } = await metadata.journal.take();
      if (bytes.length === 0) break;
      lines.push(...linesOf(bytes));
      await metadata.journal.end(segment);
    }
    for (const { at } of lines) expect(at).toMatch(ENTRY_TIME);
    return lines.map(({ at: _, ...line }) => line);
  }
  /** As `drain`, without rights and whoever moved a tag. */
  async function drainNames(): Promise<Line[]> {
    const lines = (await drain()).map(({ principal: _, ...line }) => line);
    return lines.filter(({ kind }) => !/^rights/.test(String(kind)));
  }
  const MADE = { kind: 'repository', repository: NODE, upstream: 'docker.io', private: false };
  const shown = ({ digest, bytes, mediaType }: MadeManifest) => ({
    kind: 'manifest',
    repository: NODE,
    digest,
    ...HUB,
    mediaType,
    bytes: Buffer.from(bytes).toString('base64'),
  });

  it('says what repositories there are, what they show, and what their tags name, in order and once', async () => {
    const [first, second] = [anImage(), anImage()];
    await fetchManifest(metadata, NODE, first, { tag: 'latest' });
    await fetchManifest(metadata, NODE, first, { tag: 'latest' });
    await fetchManifest(metadata, NODE, second, { tag: 'latest' });
    expect(await drainNames()).toEqual([
      MADE,
      shown(first),
      { kind: 'tag', repository: NODE, tag: 'latest', digest: first.digest },
      shown(second),
      { kind: 'tag', repository: NODE, tag: 'latest', digest: second.digest },
    ]);
    await fetchManifest(metadata, NODE, second, { tag: 'latest', isPrivate: true });
    expect(await drainNames()).toEqual([{ ...MADE, private: true }]);
    const source = { upstream: 'docker.io', credential: 'team' };
    await fetchManifest(metadata, NODE, second, { source });
    expect(await drainNames()).toEqual([{ ...shown(second), ...source }]);
  });

  it('a segment is ended by its own generation alone: one of that number that was taken before a restore is none of it', async () => {
    await fetchManifest(metadata, NODE, anImage(), { tag: 'latest' });
    const before = await metadata.journal.take();
    await metadata.journal.noteRestored(before.generation);
    await run('TRUNCATE adoption');
    const segment = await metadata.journal.take();
    expect(segment).toMatchObject({ generation: before.generation + 1, segment: 1 });
    await metadata.journal.end(before.segment, before.generation);
    expect(await metadata.journal.take()).toEqual(segment);
    await metadata.journal.end(segment.segment, segment.generation);
    expect(await metadata.journal.take()).toMatchObject({ segment: 2, bytes: Buffer.alloc(0) });
  });

  it('says which tags were removed, and what left its repository', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: '1' });
    await fetchManifest(metadata, NODE, image, { tag: '2' });
    await drainNames();
    await removeNow(metadata, { reference: `node@${image.digest}` });
    await reviewAll(metadata);
    expect(await drainNames()).toEqual([
      { kind: 'tag-removed', repository: NODE, tag: '1' },
      { kind: 'tag-removed', repository: NODE, tag: '2' },
      { kind: 'manifest-removed', repository: NODE, digest: image.digest },
    ]);
  });

  it('says who may read which bytes, and whose right has ended', async () => {
    const image = anImage();
    await fetchWhole(metadata, NODE, image, { tag: '1' });
    const rights = async (kind: string) =>
      (await drain())
        .filter((line) => line.kind === kind && line.repository === NODE)
        .flatMap(({ digests }) => digests);
    const digests = image.blobs.map(({ digest }) => digest).sort();
    expect((await rights('rights')).sort()).toEqual(digests);
    await removeNow(metadata, { reference: 'node:1' });
    await run('DELETE FROM pin');
    await reviewAll(metadata);
    expect((await rights('rights-ended')).sort()).toEqual(digests);
  });

  it('says nothing of a change that was not committed', async () => {
    const { paused, reached, go } = pausedAt(metadata, 'metadata.commit-manifest');
    const undone = fetchManifest(paused, NODE, anImage(), { tag: '1' }).catch((error: Error) => error);
    await reached;
    await run(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'`);
    go();
    expect(await undone).toBeInstanceOf(Error);
    expect(await drainNames()).toEqual([]);
  });

  it('leaves in segments that never change: taken again, one is the same byte for byte, until it is stored', async () => {
    const image = anImage();
    await fetchManifest(metadata, NODE, image, { tag: '1' });
    const first = await metadata.journal.take();
    expect(first).toMatchObject({ generation: 1, segment: 1 });
    await fetchManifest(metadata, NODE, image, { tag: '2' });
    await run('UPDATE manifest SET media_type = $1', ['other/type']);
    expect(await metadata.journal.take()).toEqual(first);
    await metadata.journal.end(1);
    await metadata.journal.end(1);
    const second = await metadata.journal.take();
    expect(second.segment).toBe(2);
    expect(linesOf(second.bytes)).toMatchObject([{ kind: 'tag', tag: '2' }]);
    await metadata.journal.end(2);
    expect(await metadata.journal.take()).toEqual({ ...first, segment: 3, bytes: Buffer.alloc(0) });
    expect(await run('SELECT 1 FROM journal UNION ALL SELECT 1 FROM journal_segment')).toEqual([]);
  });

  it('is one segment for all who take it at once', async () => {
    await fetchManifest(metadata, NODE, anImage(), { tag: '1' });
    const both = await interleave(
      metadata,
      'metadata.pack-journal',
      (paused) => paused.journal.take(),
      () => metadata.journal.take(),
    );
    expect(both[0]).toMatchObject({ segment: 1, bytes: expect.any(Buffer) });
    expect(both[1]).toEqual(both[0]);
  });

  it('loses nothing that is committed later than what was said after it', async () => {
    await fetchManifest(metadata, NODE, anImage());
    await drainNames();
    const { paused, reached, go } = pausedAt(metadata, 'metadata.commit-manifest');
    const [late, early] = [anImage(), anImage()];
    const slow = fetchManifest(paused, NODE, late);
    await reached;
    await fetchManifest(metadata, 'docker.io/library/other', early, { tag: '1' });
    expect((await drainNames()).map(({ digest }) => digest)).toEqual([undefined, early.digest, early.digest]);
    go();
    await slow;
    expect(await drainNames()).toEqual([shown(late)]);
  });

  it('goes by pieces of about a megabyte, of manifests', async () => {
    const images = Array.from({ length: 4 }, () => anImage(undefined, { annotations: { pad: 'x'.repeat(600_000) } }));
    for (const image of images) await fetchManifest(metadata, NODE, image);
    const first = await metadata.journal.take();
    expect(linesOf(first.bytes).map(({ digest }) => digest)).toEqual([undefined, images[0]!.digest, images[1]!.digest]);
    await metadata.journal.end(1);
    expect((await drainNames()).map(({ digest }) => digest)).toEqual([images[2]!.digest, images[3]!.digest]);
  });

  it('goes by pieces of about a megabyte, of rights to many digests', async () => {
    await run(
      `INSERT INTO journal (entry) SELECT jsonb_build_object('kind', 'rights', 'repository', $1::text, 'upstream', null,
          'credential', null, 'digests', (SELECT jsonb_agg('sha256:' || sha256(n::text::bytea)) FROM generate_series(1, 5000) AS n))
        FROM generate_series(1, 10)`,
      [NODE],
    );
    const sizes: number[] = [];
    for (;;) {
      const { segment, bytes } = await metadata.journal.take();
      if (bytes.length === 0) break;
      sizes.push(bytes.length);
      await metadata.journal.end(segment);
    }
    expect(sizes).toHaveLength(4);
    expect(Math.max(...sizes)).toBeLessThan(2 * 1024 * 1024);
  });

  it('has no bytes of a manifest that went before they left, and says that it went', async () => {
    const image = anImage();
    await fetchManifest(metadata, NODE, image, { tag: 'gone' });
    await untag(metadata, NODE, 'gone');
    await reviewAll(metadata);
    const { mediaType: _, bytes: __, ...bare } = shown(image);
    const tag = { kind: 'tag', repository: NODE, tag: 'gone', digest: image.digest };
    expect(await drainNames()).toEqual([
      MADE,
      bare,
      tag,
      { kind: 'manifest-removed', repository: NODE, digest: image.digest },
    ]);
  });

  it('begins a new generation, once, where the store knows more: and then nothing is purged', async () => {
    await run(`INSERT INTO object (id, state) VALUES ($1, 'purging')`, [randomUUID()]);
    expect((await metadata.purges.claim(10)).objects).toHaveLength(1);
    await run('UPDATE object SET claimed_until = NULL');
    await metadata.journal.noteRestored(3);
    await metadata.journal.noteRestored(3);
    expect(await metadata.journal.take()).toMatchObject({ generation: 4 });
    expect((await metadata.purges.claim(10)).objects).toEqual([]);
  });
});
