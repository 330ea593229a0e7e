import { Injectable, Logger } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { AdoptObject, CompareStored, MISSING_PAGE, MOST_PIECES } from '#contracts/calls/adoption';
import { type Extent, MarkLost } from '#contracts/calls/sessions';
import { type Digest, digestAlgorithm } from '#oci/digest';
import { isRegistryError, unavailable } from '#oci/registry-error';
import { BlobDriver, type StoredObject } from '../driver/blob-driver';
import { JournalHandler } from '../journal/journal.handler';
import { RightStore } from '../journal/right-store';
import { HashObjectHandler } from '../read/hash-object.handler';
import { hashStored } from '../read/hash-stored';
import { inARow, isUnordered, planLayouts, sizeOf } from './plan-layouts';

const PAGE = 500;
/** More that are missing than are there, and not only some, are not lost: the store is another one, or not mounted. */
const FEW = 10;

interface Missing {
  readonly object: string;
  readonly digest: Digest;
}

/** The bytes that lie in the store, against the rows of a database that may be behind it. */
@Injectable()
export class AdoptObjects {
  private readonly log = new Logger('Adoption');

  constructor(
    private readonly calls: Calls,
    private readonly driver: BlobDriver,
    private readonly hashing: HashObjectHandler,
    private readonly journal: JournalHandler,
    private readonly store: RightStore,
  ) {}

  /** Marks lost what rows name and the store has not. Answers how many. Throws UNAVAILABLE where that is most of it. */
  async markMissing(worker: string, signal: AbortSignal): Promise<number> {
    if ((await this.countMissing(worker, signal)) === 0) return 0;
    let lost = 0;
    for await (const { missing } of this.pages(worker, signal))
      for (const each of missing) if (await this.isGone(each, signal)) lost += 1;
    return lost;
  }

  /** Looked at as a whole before anything is marked: one page of an empty store is as another's. */
  private async countMissing(worker: string, signal: AbortSignal): Promise<number> {
    let [missing, there] = [0, 0];
    for await (const page of this.pages(worker, signal)) {
      missing += page.missing.length;
      there += page.stored.length;
    }
    if (missing > 0) await this.store.mustBeHere();
    if (missing <= FEW || missing <= there) return missing;
    this.log.error(
      `${missing} objects are not in the store, and ${there} are: is this the right store, and is it mounted? ` +
        'If it is: fsck --mark-lost',
    );
    throw unavailable('the store that this database knows');
  }

  /** Takes in what no row names: as a blob where one is wanted, else aside. */
  async adoptUnknown(worker: string, signal: AbortSignal): Promise<void> {
    for await (const { stored, unknown } of this.pages(worker, signal)) {
      const among = new Set(unknown);
      for (const each of stored) if (among.has(each.object!)) await this.adopt(each, signal);
    }
  }

  private async *pages(worker: string, signal: AbortSignal) {
    let from: string | null = null;
    for (let after: string | undefined; ; ) {
      signal.throwIfAborted();
      const { stored: listed, next } = await this.driver.list(after, PAGE);
      const stored = listed.filter(({ object }) => object !== null);
      const ids = stored.map(({ object }) => object!);
      const to: string | null = next === null ? null : (ids.at(-1) ?? from);
      if (next === null || ids.length > 0) {
        const { missing, unknown } = await this.calls.ask(CompareStored, { worker, from, to, stored: ids });
        yield { stored, missing, unknown };
        yield* this.furtherMissing(worker, missing, to, ids);
      }
      if (next === null) return;
      from = to;
      after = next;
    }
  }

  /** Of a store that is empty, one page of it is behind all rows that there are. */
  private async *furtherMissing(worker: string, first: readonly Missing[], to: string | null, ids: readonly string[]) {
    for (let before = first; before.length >= MISSING_PAGE; ) {
      const from = before.at(-1)!.object;
      const stored = ids.filter((id) => id > from);
      const { missing } = await this.calls.ask(CompareStored, { worker, from, to, stored });
      yield { stored: [], missing, unknown: [] };
      before = missing;
    }
  }

  /** A list may be old: the object itself is asked. */
  private async isGone({ object, digest }: Missing, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    try {
      const found = await this.hashing.hash({ object, algorithm: digestAlgorithm(digest) });
      if (found.digest !== null) return false;
      await this.calls.ask(MarkLost, { object, reason: 'it is not in the store that this database was compared with' });
      return true;
    } catch (error) {
      if (isRegistryError(error, 'BLOB_UNKNOWN')) return false;
      throw error;
    }
  }

  private async adopt(stored: StoredObject, signal: AbortSignal): Promise<void> {
    const pieces = stored.extents?.length ?? 1;
    if (pieces > MOST_PIECES) return this.leave(stored, `more than ${MOST_PIECES} keys`);
    for (const algorithm of ['sha256', 'sha512'] as const) {
      for (const layout of planLayouts(stored)) {
        if (await this.adoptAs(stored, layout, algorithm, false, signal)) return;
      }
    }
    if (isUnordered(stored))
      return this.leave(stored, `${pieces} keys whose order nothing says, for an older version wrote it`);
    // Another database may have rows of it: what is put aside is purged in the end.
    if (await this.journal.isOfAnotherToo()) return;
    const layout = stored.extents ? inARow(stored.extents) : planLayouts(stored)[0]!;
    await this.adoptAs(stored, layout, 'sha256', true, signal);
  }

  /** It may be what an image wants, so it is not put aside: that would be purged in the end. */
  private leave({ object }: StoredObject, keys: string): void {
    this.log.error(
      `object ${object} lies in ${keys}: it is left as it is, and what it holds has to be pulled or restored from a backup`,
    );
  }

  /** Answers whether nothing more is to be done. */
  private async adoptAs(
    { object }: StoredObject,
    extents: Extent[],
    algorithm: 'sha256' | 'sha512',
    quarantine: boolean,
    signal: AbortSignal,
  ): Promise<boolean> {
    const size = sizeOf(extents);
    const { digest } = await hashStored(this.driver, object!, extents, size, algorithm, { signal });
    // It went meanwhile.
    if (digest === null) return true;
    const { became } = await this.calls.ask(AdoptObject, { object: object!, digest, size, extents, quarantine });
    return became !== 'unwanted';
  }
}
