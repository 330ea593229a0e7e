import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import { type AskOptions, Calls } from '#calls/calls';
import { TakeSegment } from '#contracts/calls/journal';
import {
  AbortSession,
  CommitExtent,
  type Extent,
  FinishSession,
  LeaseObject,
  MarkLost,
  OpenSession,
  ReadGrace,
  ReadObject,
  ReadSession,
  ReleaseObject,
  TakeSession,
} from '#contracts/calls/sessions';
import type { AnswerOf, Call, QuestionOf } from '#contracts/define-call';
import type { Digest } from '#oci/digest';
import {
  blobUnknown,
  blobUploadUnknown,
  conflict,
  internalFault,
  RegistryError,
  stale,
  timedOut,
} from '#oci/registry-error';
import type { RepositoryName } from '#oci/repository-name';

export interface BookObject {
  readonly id: string;
  state: 'uploading' | 'live' | 'condemned' | 'purging';
  digest: Digest | null;
  size: number | null;
  lost: string | null;
  extents: Extent[];
  readonly leases: Set<string>;
}

export interface BookSession {
  readonly id: string;
  readonly object: string;
  readonly repository: RepositoryName;
  epoch: number;
  expectedDigest: Digest | null;
  expectedSize: number | null;
  ended: { epoch: number; object: string } | 'aborted' | null;
  writer: string | null;
}

/** What a spec does to a call: before it is carried out, or after, when the answer may still be lost. */
type Fault = (question: never) => Promise<void> | void;

/** `metadata` in memory, for its answers about sessions and objects: the same epochs, states and refusals. */
export class SessionBook extends Calls {
  readonly sessions = new Map<string, BookSession>();
  readonly objects = new Map<string, BookObject>();
  /** Usable blobs: digest to object. */
  readonly blobs = new Map<Digest, string>();
  /** Names of the calls that were asked, in order. */
  readonly asked: string[] = [];
  readonly installation: string = randomUUID();
  /** How long what is condemned is kept. */
  graceMs = 86_400_000;
  /** The number that the journal's next segment will have. */
  segment = 1;
  private readonly before = new Map<string, Fault[]>();
  private readonly after = new Map<string, Fault[]>();
  private readonly handlers = new Map<string, (question: never) => object>();

  constructor() {
    super();
    this.answer(OpenSession, (question) => this.open(question));
    this.answer(TakeSession, (question) => this.take(question));
    this.answer(ReadSession, (question) => this.read(question));
    this.answer(CommitExtent, (question) => this.commit(question));
    this.answer(FinishSession, (question) => this.finish(question));
    this.answer(AbortSession, (question) => this.abort(question));
    this.answer(ReadObject, (question) => this.readObject(question));
    this.answer(ReadGrace, () => ({ graceMs: this.graceMs }));
    this.answer(LeaseObject, (question) => this.lease(question));
    this.answer(ReleaseObject, ({ object, holder }) => {
      this.objects.get(object)?.leases.delete(holder);
      return {};
    });
    this.answer(MarkLost, ({ object, reason }) => {
      this.object(object).lost = reason;
      return { refetching: null };
    });
    this.answer(TakeSegment, () => {
      const { installation, segment } = this;
      return { installation, generation: 1, segment, bytes: Buffer.alloc(0) };
    });
  }

  override async ask<C extends Call>(
    call: C,
    question: z.input<C['question']>,
    options: AskOptions = {},
  ): Promise<AnswerOf<C>> {
    const handle = this.handlers.get(call.name);
    if (!handle) throw internalFault(new Error(`the book does not answer ${call.name}`));
    options.signal?.throwIfAborted();
    this.asked.push(call.name);
    const parsed = call.question.parse(question) as never;
    await this.before.get(call.name)?.shift()?.(parsed);
    const answer = call.answer.parse(structuredClone(handle(parsed))) as AnswerOf<C>;
    await this.after.get(call.name)?.shift()?.(parsed);
    return answer;
  }

  /** The next asking of this call meets `fault` before it is carried out. */
  faultBefore<C extends Call>(call: C, fault: (question: QuestionOf<C>) => Promise<void> | void): void {
    this.before.set(call.name, [...(this.before.get(call.name) ?? []), fault as Fault]);
  }

  /** The next asking of this call is carried out, and then meets `fault`: its answer may be lost. */
  faultAfter<C extends Call>(call: C, fault: (question: QuestionOf<C>) => Promise<void> | void): void {
    this.after.set(call.name, [...(this.after.get(call.name) ?? []), fault as Fault]);
  }

  loseAnswer(call: Call): void {
    this.faultAfter(call, () => {
      throw timedOut(call.name);
    });
  }

  /** Opens a session as a push does, or, with what is expected, as a fill does. */
  openNow(expected: { digest?: Digest; size?: number } = {}): BookSession {
    const { session } = this.open({ repository: 'team/app' as RepositoryName, expected });
    return this.sessions.get(session)!;
  }

  object(id: string): BookObject {
    const object = this.objects.get(id);
    if (!object || object.state === 'purging') throw blobUnknown(id);
    return object;
  }

  protected answer<C extends Call>(call: C, handle: (question: QuestionOf<C>) => AnswerOf<C>): void {
    this.handlers.set(call.name, handle as (question: never) => object);
  }

  private open({ repository, expected }: QuestionOf<typeof OpenSession>): AnswerOf<typeof OpenSession> {
    const [session, object] = [randomUUID(), randomUUID()];
    const digest = expected?.digest ?? null;
    const size = expected?.size ?? null;
    this.objects.set(object, {
      id: object,
      state: 'uploading',
      digest,
      size,
      lost: null,
      extents: [],
      leases: new Set(),
    });
    this.sessions.set(session, {
      id: session,
      object,
      repository,
      epoch: 0,
      expectedDigest: digest,
      expectedSize: size,
      ended: null,
      writer: null,
    });
    return { session, object };
  }

  private running(session: string): { session: BookSession; object: BookObject } {
    const found = this.sessions.get(session);
    if (!found || found.ended) throw blobUploadUnknown(session);
    return { session: found, object: this.objects.get(found.object)! };
  }

  private take({ session: id, writer }: QuestionOf<typeof TakeSession>): AnswerOf<typeof TakeSession> {
    const { session, object } = this.running(id);
    session.epoch += 1;
    session.writer = writer ?? null;
    return {
      object: object.id,
      epoch: session.epoch,
      offset: gaplessEnd(object.extents),
      extents: object.extents,
      expectedDigest: session.expectedDigest,
      expectedSize: session.expectedSize,
    };
  }

  private read({ session: id }: QuestionOf<typeof ReadSession>): AnswerOf<typeof ReadSession> {
    const { session, object } = this.running(id);
    return { object: object.id, repository: session.repository, offset: gaplessEnd(object.extents) };
  }

  private commit({ session: id, epoch, extent }: QuestionOf<typeof CommitExtent>): AnswerOf<typeof CommitExtent> {
    const { session, object } = this.running(id);
    if (session.epoch !== epoch) throw stale('another writer has the session');
    const same = (known: Extent) =>
      known.offset === extent.offset && known.length === extent.length && known.key === extent.key;
    if (!object.extents.some(same)) {
      if (object.extents.some((known) => overlaps(known, extent))) throw conflict('extents may not overlap');
      object.extents = [...object.extents, extent].sort((one, other) => one.offset - other.offset);
    }
    return { offset: gaplessEnd(object.extents) };
  }

  private finish({
    session: id,
    epoch,
    digest,
    size,
  }: QuestionOf<typeof FinishSession>): AnswerOf<typeof FinishSession> {
    const known = this.sessions.get(id);
    if (known && typeof known.ended === 'object' && known.ended?.epoch === epoch) return { object: known.ended.object };
    const { session, object } = this.running(id);
    if (session.epoch !== epoch) throw stale('another writer has the session');
    const usable = this.blobs.get(digest);
    const isUsable = usable !== undefined && this.objects.get(usable)?.lost === null;
    object.state = isUsable ? 'condemned' : 'live';
    object.digest = digest;
    object.size = size;
    if (!isUsable) this.blobs.set(digest, object.id);
    const winner = isUsable ? usable : object.id;
    session.ended = { epoch, object: winner };
    return { object: winner };
  }

  private abort({ session: id, epoch }: QuestionOf<typeof AbortSession>): AnswerOf<typeof AbortSession> {
    const { session, object } = this.running(id);
    if (epoch !== undefined && session.epoch !== epoch) throw stale('another writer has the session');
    session.ended = 'aborted';
    object.state = 'purging';
    return {};
  }

  private readObject({ object: id }: QuestionOf<typeof ReadObject>): AnswerOf<typeof ReadObject> {
    const { state, digest, size, lost, extents } = this.object(id);
    if (state === 'purging') throw blobUnknown(id);
    const session = [...this.sessions.values()].find(({ object }) => object === id);
    const writer = state === 'uploading' ? (session?.writer ?? null) : null;
    return { state, digest, size, lost: lost !== null, extents, writer };
  }

  private lease({ object, holder, forMs }: QuestionOf<typeof LeaseObject>): AnswerOf<typeof LeaseObject> {
    this.object(object).leases.add(holder);
    return { until: new Date(Date.now() + forMs).toISOString() };
  }
}

/** An answer that a spec makes a call give. */
export const refusal = (code: 'UNAVAILABLE' | 'TIMEOUT' | 'STALE'): RegistryError =>
  new RegistryError(code, `the spec says ${code}`);

function gaplessEnd(extents: readonly Extent[]): number {
  let end = 0;
  for (const extent of extents) {
    if (extent.offset > end) break;
    end = extent.offset + extent.length;
  }
  return end;
}

function overlaps(one: Extent, other: Extent): boolean {
  return one.offset < other.offset + other.length && other.offset < one.offset + one.length;
}
