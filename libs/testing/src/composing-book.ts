import { randomUUID } from 'node:crypto';
import { ClaimComposings, FailComposing, RenewComposings, SwapObject } from '#contracts/calls/composing';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import type { Digest } from '#oci/digest';
import { SessionBook } from './session-book';

/** A `SessionBook` that also answers about composing: what is live under many keys is to become one key. */
export class ComposingBook extends SessionBook {
  /** Claims: target to source. */
  readonly composing = new Map<string, string>();

  constructor() {
    super();
    this.answer(ClaimComposings, ({ limit }) => this.claim(limit));
    this.answer(RenewComposings, ({ targets }) => ({ renewed: targets.filter((each) => this.composing.has(each)) }));
    this.answer(SwapObject, (question) => ({ swapped: this.swap(question) }));
    this.answer(FailComposing, ({ target }) => {
      this.end(target);
      const { state } = this.objects.get(target) ?? {};
      return { discarded: state === undefined || state === 'purging' };
    });
  }

  /** The claim is over, as when its lease ran out: what was made is purging. */
  end(target: string): void {
    if (!this.composing.delete(target)) return;
    this.objects.get(target)!.state = 'purging';
  }

  private claim(limit: number): AnswerOf<typeof ClaimComposings> {
    const taken = new Set(this.composing.values());
    const due = [...this.objects.values()].filter(
      ({ id, state, lost, extents }) =>
        state === 'live' && lost === null && !taken.has(id) && extents.filter(({ key }) => key !== null).length > 1,
    );
    const composings = due.slice(0, limit).map(({ id: source, digest, size, extents }) => {
      const target = randomUUID();
      this.composing.set(target, source);
      const empty = { digest: null, size: null, lost: null, extents: [], leases: new Set<string>() };
      this.objects.set(target, { id: target, state: 'uploading', ...empty });
      return { source, target, attempts: 1, digest: digest as Digest, size: size!, extents };
    });
    return { composings, nextInMs: null };
  }

  private swap({ target: id, extent }: QuestionOf<typeof SwapObject>): boolean {
    const target = this.objects.get(id);
    const source = this.objects.get(this.composing.get(id) ?? '');
    if (!target || !source) return target?.state === 'live';
    const may = this.blobs.get(source.digest!) === source.id && source.lost === null && extent.length === source.size;
    if (!may) {
      this.end(id);
      return false;
    }
    this.composing.delete(id);
    Object.assign(target, { state: 'live', digest: source.digest, size: source.size, extents: [extent] });
    this.blobs.set(source.digest!, id);
    source.state = 'condemned';
    return true;
  }
}
