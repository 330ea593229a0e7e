import { OCI_LAYER_GZIP } from '#oci/media-type';
import { endLeases } from '../database/end-leases';
import { interleave, somebodyWaits } from '../database/two-at-once.testing';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  findBlob,
  HUB,
  type Metadata,
  openMetadata,
  pushBlob,
  runFills,
  someBytes,
} from '../metadata.testing';

/** As long as the default: more milliseconds than an integer of Postgres has. */
const MONTH_MS = 30 * 86_400_000;
const APP = 'docker.io/library/app';

describe('stored bytes are read again', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata({ ENTREPOT_SCRUB_EVERY_MS: MONTH_MS });
    await metadata.presence.beat();
  });
  afterEach(async () => {
    expect(await metadata.rows.check()).toEqual([]);
    await metadata.database.read('DELETE FROM scrubbing');
    await metadata.database.read('DELETE FROM outbox');
    await metadata.database.read('UPDATE object SET verified_at = now()');
  });
  afterAll(() => metadata?.stop());

  /** A blob whose bytes were verified so long ago, in months. */
  async function stored(months: number, size = 10): Promise<{ object: string; digest: string }> {
    const blob = someBytes(OCI_LAYER_GZIP, size);
    const object = await pushBlob(metadata, 'team/app', blob);
    await age(object, months);
    return { object, digest: blob.digest };
  }
  const age = (object: string, months: number) =>
    metadata.database.read(`UPDATE object SET verified_at = now() - $2 * interval '1 day' WHERE id = $1`, [
      object,
      months * 30,
    ]);
  const claim = async (worker = 'one', limit = 64) =>
    (await metadata.scrubs.claim(worker, limit)).objects.map(({ object }) => object);
  const end = (object: string, found: 'whole' | 'lost' | 'unread', worker = 'one') =>
    metadata.scrubs.end({ worker, object, found, reason: found === 'lost' ? 'scrub: the spec says so' : '' });
  const read = () => metadata.database.snapshot((sql) => metadata.scrubs.read(sql));
  const lapse = () => metadata.database.read(`UPDATE scrubbing SET claimed_until = now() - interval '1 s'`);
  const facts = async () =>
    (
      await metadata.database.read<{ message: { data: object } }>(
        `DELETE FROM outbox WHERE subject = 'entrepot.fact.blob.lost' RETURNING message`,
      )
    ).map(({ message }) => message.data);

  it('those that were verified longest ago first, and none before its time', async () => {
    const [older, old, fresh] = [await stored(9), await stored(3), await stored(0.9)];
    expect(await claim('one', 1)).toEqual([older.object]);
    const { objects, nextInMs } = await metadata.scrubs.claim('one', 64);
    expect(objects).toMatchObject([
      { object: old.object, digest: old.digest, size: 10, extents: [{ offset: 0, length: 10, key: null }] },
    ]);
    expect(nextInMs).toBeGreaterThan(MONTH_MS / 20);
    expect(nextInMs).toBeLessThan(MONTH_MS / 5);
    expect(await read()).toMatchObject({ everyMs: MONTH_MS, running: 2, due: 2 });
    expect(fresh.object).toBeDefined();
  });

  it('what nobody ever verified is read at once, and holds up no other', async () => {
    const [never, old] = [await stored(0), await stored(2)];
    await metadata.database.read('UPDATE object SET verified_at = NULL WHERE id = $1', [never.object]);
    expect(await claim('one', 1)).toEqual([never.object]);
    expect(await claim('one', 1)).toEqual([old.object]);
  });

  it('each by one worker, until its lease ends; the other is told that it is late', async () => {
    const { object } = await stored(2);
    expect(await claim('one')).toEqual([object]);
    expect(await claim('two')).toEqual([]);
    expect(await metadata.scrubs.renew('one', [object])).toEqual([object]);
    await lapse();
    expect(await claim('two')).toEqual([object]);
    expect(await metadata.scrubs.renew('one', [object])).toEqual([]);
    expect(await end(object, 'lost', 'one')).toBe(false);
    expect(await end(object, 'whole', 'two')).toBe(true);
    expect(await end(object, 'whole', 'two')).toBe(false);
    expect(await claim()).toEqual([]);
  });

  it('by one of two who look at the same moment', async () => {
    const { object } = await stored(2);
    const claimed: string[][] = [];
    await interleave(
      metadata,
      'metadata.claim-scrubs',
      async (paused) => void claimed.push((await paused.scrubs.claim('one', 9)).objects.map((each) => each.object)),
      async () => void claimed.push(await claim('two')),
      false,
    );
    expect(claimed.flat()).toEqual([object]);
  });

  it('what a dead worker had is free at once where no other can be alive', async () => {
    const { object } = await stored(2);
    await claim('dead');
    await endLeases(metadata.database);
    expect(await claim('alive')).toEqual([object]);
  });

  it('what is whole was verified when its reading began', async () => {
    const { object } = await stored(2);
    const before = await read();
    await claim();
    await metadata.database.read(`UPDATE scrubbing SET begun_at = now() - interval '1 hour'`);
    await end(object, 'whole');
    const [row] = await metadata.database.read<{ minutes: number }>(
      `SELECT extract(epoch FROM now() - verified_at)::float8 / 60 AS minutes FROM object WHERE id = $1`,
      [object],
    );
    expect(row!.minutes).toBeCloseTo(60, 0);
    expect(await read()).toMatchObject({
      verified: before.verified + 1,
      verifiedBytes: before.verifiedBytes + 10,
      lost: before.lost,
    });
  });

  it('what cannot be read now waits, and holds up no other', async () => {
    const [one, two] = [await stored(3), await stored(2)];
    expect(await claim('one', 1)).toEqual([one.object]);
    await end(one.object, 'unread');
    expect(await claim('one', 1)).toEqual([two.object]);
    await lapse();
    expect(await claim('one', 1)).toEqual([one.object]);
  });

  it('what cannot be read now waits for no longer than between two readings', async () => {
    const often = await openMetadata({ ENTREPOT_SCRUB_EVERY_MS: 120_000 });
    try {
      const object = await pushBlob(often, 'team/app', someBytes(OCI_LAYER_GZIP, 10));
      await often.database.read('UPDATE object SET verified_at = NULL');
      await often.scrubs.claim('one', 1);
      await often.scrubs.end({ worker: 'one', object, found: 'unread', reason: '' });
      const [row] = await often.database.read<{ minutes: number }>(
        'SELECT extract(epoch FROM claimed_until - now())::float8 / 60 AS minutes FROM scrubbing WHERE object_id = $1',
        [object],
      );
      expect(row!.minutes).toBeCloseTo(2, 0);
    } finally {
      await often.stop();
    }
  });

  it('what is lost is named with its images, is not given to anybody, and comes again from its upstream', async () => {
    const image = anImage();
    const index = anIndex([image]);
    await fetchManifest(metadata, APP, index, { tag: '1' });
    await fetchWhole(metadata, APP, image);
    const layer = image.blobs[1]!;
    const { object } = (await findBlob(metadata, APP, layer.digest))!;
    await age(object, 2);
    expect(await claim()).toEqual([object]);
    await end(object, 'lost');
    expect(await findBlob(metadata, APP, layer.digest)).toBeNull();
    expect(await facts()).toEqual([
      {
        digest: layer.digest,
        size: layer.size,
        object,
        reason: 'scrub: the spec says so',
        images: [{ repository: APP, digest: index.digest, tags: ['1'] }],
        refetching: HUB.upstream,
      },
    ]);
    expect(await claim()).toEqual([]);
    expect(await runFills(metadata)).toEqual([layer.digest]);
    const again = await findBlob(metadata, APP, layer.digest);
    expect(again).not.toBeNull();
    expect(again!.object).not.toBe(object);
    expect(await read()).toMatchObject({ lost: 1, lostAt: expect.any(String) });
  });

  it('what was pushed has no upstream, and its loss is said once', async () => {
    const { object, digest } = await stored(2);
    expect(await metadata.objects.markLost(object, 'a reader', true)).toBeNull();
    expect(await metadata.objects.markLost(object, 'another reader', true)).toBeNull();
    expect(await facts()).toMatchObject([{ digest, reason: 'a reader', images: [], refetching: null }]);
    expect(await runFills(metadata)).toEqual([]);
  });

  it('a fill that failed is not asked for again where another upstream has it', async () => {
    const image = anImage();
    await fetchWhole(metadata, 'quay.io/team/app', image, { source: { upstream: 'quay.io', credential: 'anonymous' } });
    await fetchWhole(metadata, 'ghcr.io/team/app', image, { source: { upstream: 'ghcr.io', credential: 'anonymous' } });
    const { digest } = image.blobs[1]!;
    const { object } = (await findBlob(metadata, 'quay.io/team/app', digest))!;
    expect(await metadata.objects.markLost(object, 'a reader', true)).toBe('ghcr.io');
    const [fill] = await metadata.fills.claim('spec', 64);
    const error = { code: 'BLOB_UNKNOWN', message: 'it is not there' };
    await metadata.fills.fail(fill!.id, fill!.epoch, { error, temporary: false, discard: false, giveBack: false });
    expect(await metadata.objects.markLost(object, 'fsck', true)).toBe('quay.io');
    expect(await runFills(metadata)).toEqual([digest]);
    expect(await findBlob(metadata, 'quay.io/team/app', digest)).not.toBeNull();
  });

  it('bytes that are news of an object on its way out change nothing', async () => {
    const { object } = await stored(2);
    await claim();
    await metadata.database.transaction('spec.condemn', async (sql) => {
      await sql.query('DELETE FROM review WHERE digest = (SELECT digest FROM object WHERE id = $1)', [object]);
      await sql.query('DELETE FROM pin WHERE digest = (SELECT digest FROM object WHERE id = $1)', [object]);
      await sql.query('DELETE FROM repository_blob WHERE digest = (SELECT digest FROM object WHERE id = $1)', [object]);
      await sql.query('DELETE FROM blob WHERE object_id = $1', [object]);
      await sql.query(`UPDATE object SET state = 'purging' WHERE id = $1`, [object]);
    });
    expect(await end(object, 'lost')).toBe(true);
    expect(await facts()).toEqual([]);
    await metadata.purges.forget([object]);
  });

  it('never, where it is set so', async () => {
    const { object } = await stored(2);
    const off = await openMetadata({ ENTREPOT_SCRUB_EVERY_MS: 0 });
    try {
      expect(await off.scrubs.claim('one', 9)).toEqual({ objects: [], nextInMs: null });
    } finally {
      await off.stop();
    }
    expect(await claim()).toEqual([object]);
  });

  it.each(['whole', 'lost'] as const)(
    '%s: the object is locked before its claim, as by who purges it',
    async (found) => {
      const { object } = await stored(9);
      await claim();
      const claimIsFree = async () => {
        await somebodyWaits(metadata);
        await metadata.database.transaction('spec.lock-claim', (sql) =>
          sql.query('SELECT 1 FROM scrubbing WHERE object_id = $1 FOR UPDATE NOWAIT', [object]),
        );
      };
      let ending: Promise<boolean> | undefined;
      await metadata.database.transaction('spec.hold-object', async (sql) => {
        await sql.query('SELECT 1 FROM object WHERE id = $1 FOR UPDATE', [object]);
        ending = end(object, found);
        await claimIsFree();
      });
      expect(await ending).toBe(true);
    },
  );
});
