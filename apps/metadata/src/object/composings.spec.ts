import type { Digest } from '#oci/digest';
import { OCI_LAYER_GZIP } from '#oci/media-type';
import { endLeases } from '../database/end-leases';
import { interleave } from '../database/two-at-once.testing';
import {
  type Bytes,
  findBlob,
  type Metadata,
  openMetadata,
  purgeAll,
  repositoryName,
  reviewAll,
  someBytes,
  writeWhole,
} from '../metadata.testing';

const SETTINGS = { ENTREPOT_REVIEW_DELAY_MS: 0, ENTREPOT_GRACE_MS: 0, ENTREPOT_BACKOFF_MS: 1, ENTREPOT_ATTEMPTS: 3 };
const READER = '00000000-0000-4000-8000-000000000001';

type Claimed = Awaited<ReturnType<Metadata['composings']['claim']>>['composings'][number];

describe('objects of many keys become objects of one', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata(SETTINGS);
    await metadata.presence.beat();
  });
  afterEach(async () => {
    expect(await metadata.rows.check()).toEqual([]);
    const running = await metadata.database.read<{ target: string }>(
      'SELECT target_id AS target FROM composing WHERE target_id IS NOT NULL',
    );
    for (const { target } of running) await metadata.composings.fail(target, 'the spec has ended');
    await metadata.database.read('DELETE FROM composing');
  });
  afterAll(() => metadata?.stop());

  /** An upload of pieces of these lengths, each under a key of its own where the store has keys. */
  async function stored(lengths: number[], hasKeys = true): Promise<Bytes & { object: string }> {
    const blob = someBytes(
      OCI_LAYER_GZIP,
      lengths.reduce((sum, length) => sum + length, 0),
    );
    const session = await metadata.sessions.open(repositoryName('team/app'), {});
    return { ...blob, object: await write(session, blob, lengths, hasKeys) };
  }

  async function write(session: string, blob: { digest: Digest; size: number }, lengths: number[], hasKeys = true) {
    const { epoch } = await metadata.sessions.take(session);
    let offset = 0;
    for (const length of lengths) {
      const key = hasKeys ? `objects/${session}/${offset}` : null;
      await metadata.sessions.commitExtent(session, epoch, { offset, length, key });
      offset += length;
    }
    return metadata.finishes.finish({ session, epoch, digest: blob.digest, size: blob.size });
  }

  const claim = async (limit = 64) => (await metadata.composings.claim('spec', limit)).composings;
  const whole = ({ target, size }: Pick<Claimed, 'target' | 'size'>) => ({
    offset: 0,
    length: size,
    key: `objects/${target}/whole`,
  });
  const swap = (claimed: Claimed, on = metadata) => on.composings.swap(claimed.target, whole(claimed));
  const state = async (object: string) =>
    (await metadata.database.read<{ state: string }>('SELECT state FROM object WHERE id = $1', [object]))[0]?.state;
  const named = async (digest: string) => (await findBlob(metadata, 'team/app', digest as Digest))?.object;
  const expire = (target: string) =>
    metadata.database.read(`UPDATE composing SET claimed_until = now() - interval '1 s' WHERE target_id = $1`, [
      target,
    ]);
  /** Nothing keeps the blob any more. */
  const unpin = async (digest: string) => {
    await metadata.database.read('DELETE FROM pin WHERE digest = $1', [digest]);
    await metadata.database.read('UPDATE review SET due_at = now() WHERE digest = $1', [digest]);
  };

  async function claimed(): Promise<Bytes & { object: string; claim: Claimed }> {
    const blob = await stored([5, 6]);
    const [mine] = (await claim()).filter(({ source }) => source === blob.object);
    return { ...blob, claim: mine! };
  }

  it('what has one key, none, or keys that the store does not need is not to be composed', async () => {
    await stored([10]);
    await stored([]);
    await stored([5, 6], false);
    expect(await metadata.composings.claim('spec', 64)).toEqual({ composings: [], nextInMs: null });
  });

  it('a claim has a new object, whose row is there before its bytes', async () => {
    const { object, digest, claim: mine } = await claimed();
    expect(mine).toEqual({
      source: object,
      target: expect.any(String),
      attempts: 1,
      digest,
      size: 11,
      extents: [
        { offset: 0, length: 5, key: `objects/${object}/0` },
        { offset: 5, length: 6, key: `objects/${object}/5` },
      ],
    });
    expect(await state(mine.target)).toBe('uploading');
    expect(await claim()).toEqual([]);
  });

  it('swapped in, it is what the digest names; the old one is condemned with grace, and purge waits for its reader', async () => {
    const { object, digest, claim: mine } = await claimed();
    await metadata.objects.lease(object, READER, 60_000);
    expect(await swap(mine)).toBe(true);
    expect([await state(object), await state(mine.target)]).toEqual(['condemned', 'live']);
    expect(await named(digest)).toBe(mine.target);
    expect(await metadata.objects.read(mine.target)).toMatchObject({ digest, size: 11, extents: [whole(mine)] });
    expect((await metadata.objects.read(object)).extents).toHaveLength(2);
    expect(await purgeAll(metadata)).not.toContain(object);
    await metadata.objects.release(object, READER);
    expect(await purgeAll(metadata)).toContain(object);
    expect(await swap(mine)).toBe(true);
    expect(await claim()).toEqual([]);
  });

  it('its bytes are as due for a scrub as those it was made of', async () => {
    const { object, claim: mine } = await claimed();
    await metadata.database.read(`UPDATE object SET verified_at = now() - interval '9 days' WHERE id = $1`, [object]);
    await swap(mine);
    const rows = await metadata.database.read<{ verified: number }>(
      'SELECT count(DISTINCT verified_at)::int AS verified FROM object WHERE id = ANY($1)',
      [[object, mine.target]],
    );
    expect(rows).toEqual([{ verified: 1 }]);
  });

  it('other bytes than the whole are not swapped in', async () => {
    for (const wrong of [
      { offset: 0, length: 10 },
      { offset: 1, length: 11 },
    ]) {
      const { object, digest, claim: mine } = await claimed();
      expect(await metadata.composings.swap(mine.target, { ...wrong, key: 'objects/x/whole' })).toBe(false);
      expect([await state(object), await state(mine.target)]).toEqual(['live', 'purging']);
      expect(await named(digest)).toBe(object);
    }
  });

  it('an attempt that failed leaves nothing, and is made again after a while; after the last one, a day later', async () => {
    const blob = await stored([5, 6]);
    const targets = new Set<string>();
    for (const attempts of [1, 2, 3]) {
      const mine = await eventuallyOne();
      expect(mine).toMatchObject({ source: blob.object, attempts });
      expect(await metadata.composings.fail(mine.target, 'the spec says so')).toBe(true);
      expect(await metadata.composings.fail(mine.target, 'said again')).toBe(true);
      expect(await state(mine.target)).toBe('purging');
      targets.add(mine.target);
    }
    expect(targets.size).toBe(3);
    const { composings, nextInMs } = await metadata.composings.claim('spec', 64);
    expect(composings).toEqual([]);
    expect(nextInMs).toBeGreaterThan(23 * 3_600_000);
    expect(await purgeAll(metadata)).toEqual(expect.arrayContaining([...targets]));
  });

  async function eventuallyOne(): Promise<Claimed> {
    for (const deadline = Date.now() + 5_000; Date.now() < deadline; ) {
      const [one] = await claim();
      if (one) return one;
    }
    throw new Error('nothing was due');
  }

  it('a failure that is said after the swap, whose answer was lost, takes nothing away', async () => {
    const { digest, claim: mine } = await claimed();
    await swap(mine);
    expect(await metadata.composings.fail(mine.target, 'nobody answered')).toBe(false);
    expect(await named(digest)).toBe(mine.target);
  });

  it('a worker that died is followed by another with another object, and comes too late', async () => {
    const { object, digest, claim: first } = await claimed();
    expect(await metadata.composings.renew([first.target])).toEqual([first.target]);
    await expire(first.target);
    const second = await eventuallyOne();
    expect(second).toMatchObject({ source: object, attempts: 2 });
    expect(second.target).not.toBe(first.target);
    expect(await metadata.composings.renew([first.target, second.target])).toEqual([second.target]);
    expect(await state(first.target)).toBe('purging');
    expect(await swap(first)).toBe(false);
    expect(await swap(second)).toBe(true);
    expect(await named(digest)).toBe(second.target);
    expect(await purgeAll(metadata)).toEqual(expect.arrayContaining([first.target, object]));
    expect(await swap(first)).toBe(false);
  });

  it('where this process alone works on the database, attempts of the one before are over', async () => {
    const { object, claim: first } = await claimed();
    await endLeases(metadata.database);
    expect((await eventuallyOne()).source).toBe(object);
    expect(await state(first.target)).toBe('purging');
  });

  it('an object that is purged while it is composed takes what was made of it along', async () => {
    const { object, digest, claim: mine } = await claimed();
    await unpin(digest);
    await reviewAll(metadata);
    expect(await state(object)).toBe('condemned');
    expect(await purgeAll(metadata)).toEqual(expect.arrayContaining([object, mine.target]));
    expect(await swap(mine)).toBe(false);
    expect(await metadata.composings.fail(mine.target, 'too late')).toBe(true);
  });

  it('what is condemned or lost is not composed', async () => {
    const [condemned, lost] = [await stored([5, 6]), await stored([5, 6])];
    await unpin(condemned.digest);
    await reviewAll(metadata);
    await metadata.objects.markLost(lost.object, 'the spec says so');
    expect(await metadata.composings.claim('spec', 64)).toEqual({ composings: [], nextInMs: null });
  });

  describe('two at once', () => {
    it('condemned first: what was made is thrown away', async () => {
      const { object, digest, claim: mine } = await claimed();
      await unpin(digest);
      const [verdicts, swapped] = await interleave(
        metadata,
        'metadata.review-blobs',
        (paused) => paused.blobReviews.review([digest]),
        () => swap(mine),
      );
      expect([verdicts, swapped]).toEqual([expect.objectContaining({ condemned: 1 }), false]);
      expect([await state(object), await state(mine.target)]).toEqual(['condemned', 'purging']);
    });

    it('swapped first: the new one is condemned', async () => {
      const { object, digest, claim: mine } = await claimed();
      await unpin(digest);
      const [swapped, verdicts] = await interleave(
        metadata,
        'metadata.swap-object',
        (paused) => swap(mine, paused),
        () => metadata.blobReviews.review([digest]),
      );
      expect([swapped, verdicts]).toEqual([true, expect.objectContaining({ condemned: 1 })]);
      expect([await state(object), await state(mine.target)]).toEqual(['condemned', 'condemned']);
      expect(await named(digest)).toBeUndefined();
    });

    async function overdue() {
      const mine = await claimed();
      await unpin(mine.digest);
      await reviewAll(metadata);
      return mine;
    }

    it('the old one purged first: what was made goes with it', async () => {
      const { object, claim: mine } = await overdue();
      const [, swapped] = await interleave(
        metadata,
        'metadata.end-objects',
        (paused) => paused.purges.claim(1000),
        () => swap(mine),
      );
      expect(swapped).toBe(false);
      expect([await state(object), await state(mine.target)]).toEqual(['purging', 'purging']);
    });

    it('a swap that finds it condemned first, then its purge', async () => {
      const { object, claim: mine } = await overdue();
      const [swapped, purges] = await interleave(
        metadata,
        'metadata.swap-object',
        (paused) => swap(mine, paused),
        () => metadata.purges.claim(1000),
        false,
      );
      expect([swapped, purges]).toEqual([false, expect.anything()]);
      await metadata.purges.claim(1000);
      expect([await state(object), await state(mine.target)]).toEqual(['purging', 'purging']);
    });

    it('lost first: what was made of it is not trusted', async () => {
      const { object, claim: mine } = await claimed();
      const [, swapped] = await interleave(
        metadata,
        'metadata.mark-lost',
        (paused) => paused.objects.markLost(object, 'the spec says so'),
        () => swap(mine),
      );
      expect(swapped).toBe(false);
      expect([await state(object), await state(mine.target)]).toEqual(['live', 'purging']);
    });

    it('swapped first: that the old one is lost takes nothing from the digest', async () => {
      const { object, digest, claim: mine } = await claimed();
      const [swapped] = await interleave(
        metadata,
        'metadata.swap-object',
        (paused) => swap(mine, paused),
        () => metadata.objects.markLost(object, 'the spec says so'),
      );
      expect(swapped).toBe(true);
      expect(await named(digest)).toBe(mine.target);
    });

    it('a new upload takes the place of a lost one first: what was made is thrown away', async () => {
      const { object, digest, size, claim: mine } = await claimed();
      await metadata.objects.markLost(object, 'the spec says so');
      const session = await metadata.sessions.open(repositoryName('team/app'), {});
      const [fresh, swapped] = await interleave(
        metadata,
        'metadata.finish-session',
        (paused) => writeWhole(paused, session, { digest, size }),
        () => swap(mine),
      );
      expect(swapped).toBe(false);
      expect(await named(digest)).toBe(fresh);
      expect([await state(object), await state(mine.target)]).toEqual(['condemned', 'purging']);
    });

    it('two workers never have one object, and each that waits is had', async () => {
      await stored([5, 6]);
      await stored([5, 6]);
      const [one, two] = await interleave(
        metadata,
        'metadata.claim-composings',
        (paused) => paused.composings.claim('one', 1),
        () => metadata.composings.claim('two', 64),
        false,
      );
      const sources = [one, two].flatMap((each) => (each as { composings: Claimed[] }).composings);
      expect(new Set(sources.map(({ source }) => source)).size).toBe(2);
      expect(sources).toHaveLength(2);
    });

    async function overtaken() {
      const mine = await claimed();
      await expire(mine.claim.target);
      return mine;
    }

    it('taken over first: the late swap changes nothing', async () => {
      const { object, digest, claim: late } = await overtaken();
      const [, swapped] = await interleave(
        metadata,
        'metadata.end-composings',
        (paused) => paused.composings.claim('two', 64),
        () => swap(late),
      );
      expect(swapped).toBe(false);
      expect(await named(digest)).toBe(object);
      expect(await state(late.target)).toBe('purging');
      const left = await metadata.database.read('SELECT 1 FROM composing WHERE source_id = $1', [object]);
      expect(left).toHaveLength(1);
    });

    it('a late swap first: there is nothing left to take over', async () => {
      const { object, digest, claim: late } = await overtaken();
      const [swapped, taken] = await interleave(
        metadata,
        'metadata.swap-object',
        (paused) => swap(late, paused),
        () => metadata.composings.claim('two', 64),
      );
      expect([swapped, taken]).toEqual([true, { composings: [], nextInMs: null }]);
      expect(await named(digest)).toBe(late.target);
      expect(await state(object)).toBe('condemned');
    });

    it('a failure that is said while the swap runs finds it done', async () => {
      const { digest, claim: mine } = await claimed();
      const [swapped, discarded] = await interleave(
        metadata,
        'metadata.swap-object',
        (paused) => swap(mine, paused),
        () => metadata.composings.fail(mine.target, 'nobody answered'),
      );
      expect([swapped, discarded]).toEqual([true, false]);
      expect(await named(digest)).toBe(mine.target);
    });
  });
});
