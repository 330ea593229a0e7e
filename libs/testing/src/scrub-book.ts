import { ClaimScrubs, EndScrub, RenewScrubs } from '#contracts/calls/scrubs';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import type { Digest } from '#oci/digest';
import { SessionBook } from './session-book';

/** A `SessionBook` that also answers about scrubbing: each live object is due once. */
export class ScrubBook extends SessionBook {
  /** Claims: object to worker. */
  readonly scrubbing = new Map<string, string>();
  /** What was found, in order. */
  readonly found: { object: string; found: QuestionOf<typeof EndScrub>['found']; reason: string }[] = [];

  constructor() {
    super();
    this.answer(ClaimScrubs, ({ worker, limit }) => this.claim(worker, limit));
    this.answer(RenewScrubs, ({ worker, objects }) => ({
      renewed: objects.filter((object) => this.scrubbing.get(object) === worker),
    }));
    this.answer(EndScrub, ({ worker, object, found, reason }) => {
      if (this.scrubbing.get(object) !== worker) return { ended: false };
      this.scrubbing.delete(object);
      this.found.push({ object, found, reason });
      if (found === 'lost') this.object(object).lost = reason;
      return { ended: true };
    });
  }

  private claim(worker: string, limit: number): AnswerOf<typeof ClaimScrubs> {
    const seen = new Set([...this.scrubbing.keys(), ...this.found.map(({ object }) => object)]);
    const due = [...this.objects.values()].filter(
      ({ id, state, lost }) => state === 'live' && lost === null && !seen.has(id),
    );
    const objects = due.slice(0, limit).map(({ id: object, digest, size, extents }) => {
      this.scrubbing.set(object, worker);
      return { object, digest: digest as Digest, size: size!, extents };
    });
    return { objects, nextInMs: null };
  }
}
