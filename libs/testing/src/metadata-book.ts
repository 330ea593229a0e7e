import { type AskOptions, Calls } from '#calls/calls';
import type { AnswerOf, Call } from '#contracts/define-call';
import { cancelled, RegistryError } from '#oci/registry-error';
import { answerFills } from './book-fills';
import { answerManifests } from './book-manifests';
import { acceptOperation, answerOperations } from './book-operations';
import { type Answer, BookRows, type OperationRow } from './book-rows';
import { answerSessions } from './book-sessions';
import type { BookTimes } from './book-work';

type Handlers = Map<string, (question: never) => Promise<object> | object>;

const TIMES: BookTimes = { leaseMs: 5_000, backoffMs: 10, attempts: 8 };

/**
 * What metadata and blobs answer to a fetcher, kept in memory by the same rules: epochs, leases, attempts counted
 * before they start, back-off, and nothing done twice. Questions and answers go through their schemas.
 */
export class MetadataBook extends Calls {
  private readonly rows: BookRows;
  readonly operations: BookRows['operations'];
  readonly fills: BookRows['fills'];
  readonly sessions: BookRows['sessions'];
  readonly blobs: BookRows['blobs'];
  readonly manifests: BookRows['manifests'];
  readonly tags: BookRows['tags'];
  /** The names of all calls, in order. */
  readonly asked: string[] = [];
  /** Told of each fact: its subject, and the digest of what it is about. */
  onFact: (subject: string, digest?: string) => void = () => {};
  /** What a call throws instead of its answer, by its name. */
  readonly faults = new Map<string, () => Error>();
  private readonly handlers: Handlers = new Map();

  constructor(times: BookTimes = TIMES) {
    super();
    this.rows = new BookRows(times, (subject, digest) => this.onFact(subject, digest));
    ({
      operations: this.operations,
      fills: this.fills,
      sessions: this.sessions,
      blobs: this.blobs,
      manifests: this.manifests,
      tags: this.tags,
    } = this.rows);
    const answer: Answer = (call, handle) => void this.handlers.set(call.name, handle as never);
    for (const noun of [answerManifests, answerOperations, answerFills, answerSessions]) noun(this.rows, answer);
  }

  override async ask<C extends Call>(call: C, question: unknown, { signal }: AskOptions = {}): Promise<AnswerOf<C>> {
    if (signal?.aborted) throw cancelled(call.name);
    this.asked.push(call.name);
    const fault = this.faults.get(call.name);
    if (fault) throw fault();
    const handler = this.handlers.get(call.name);
    if (!handler) throw new RegistryError('UNAVAILABLE', `nobody here answers ${call.name}`);
    return call.answer.parse(await handler(call.question.parse(question) as never)) as AnswerOf<C>;
  }

  accept(body: Record<string, unknown>): OperationRow {
    return acceptOperation(this.rows, body);
  }
}
