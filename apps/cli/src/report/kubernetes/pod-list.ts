import { z } from 'zod';
import { type HttpPeer, PeerFault } from '../http-peer';
import type { SeenContainer } from '../runtime';
import { type Pod, PodSchema, readPod } from './read-pod';

const PAGE = 250;
/** Each pod has 3 MiB at most, and few kilobytes mostly. */
const MOST_OF_PAGE = 256 * 1024 * 1024;
/** More than any cluster runs; an answer that goes on beyond it is none. */
export const MOST_CONTAINERS = 200_000;

const PageSchema = z.object({
  metadata: z.object({ resourceVersion: z.string().min(1), continue: z.string().optional() }),
  items: z.array(PodSchema).nullish(),
});
type Page = z.output<typeof PageSchema>;
const ChangeSchema = z.object({
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']),
  object: z.unknown(),
});
const BookmarkSchema = z.object({ metadata: z.object({ resourceVersion: z.string().min(1) }) });
const StatusSchema = z.object({ code: z.number().optional(), message: z.string().default('an error') });

/** The version that was watched is no longer kept: what happened since is known by listing anew alone. */
class Expired extends Error {}

export interface Watching {
  /** How long one request of a watch is open: a way that died unseen is found out after it. */
  readonly watchSeconds: number;
  /** At least so long between two of them. */
  readonly pauseMs: number;
}

/** The containers of all pods: listed, then kept up to date by a watch. */
export class PodList {
  private readonly pods = new Map<string, readonly SeenContainer[]>();
  private version = '';
  private count = 0;

  constructor(
    private readonly cluster: HttpPeer,
    private readonly watching: Watching,
  ) {}

  get containers(): SeenContainer[] {
    return [...this.pods.values()].flat();
  }

  /** Says something once all are listed, and after each change of what is reported. Ends by throwing PeerFault. */
  async *follow(signal: AbortSignal): AsyncGenerator<void> {
    await this.list(signal);
    yield;
    for (;;) {
      const pause = new Promise((resolve) => setTimeout(resolve, this.watching.pauseMs));
      try {
        yield* this.watch(signal);
        await pause;
      } catch (error) {
        if (!(error instanceof Expired)) throw error;
        await pause;
        await this.list(signal);
        yield;
      }
    }
  }

  /** A list whose next page is no longer kept begins anew; a cluster where that does not end is not followed. */
  private async list(signal: AbortSignal): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.listOnce(signal);
      } catch (error) {
        if (!(error instanceof PeerFault) || error.status !== 410 || attempt === 3) throw error;
      }
    }
  }

  private async listOnce(signal: AbortSignal): Promise<void> {
    const found = new Map<string, readonly SeenContainer[]>();
    let count = 0;
    let next: string | undefined = '';
    let version = '';
    while (next !== undefined) {
      const query: URLSearchParams = new URLSearchParams({ limit: String(PAGE), ...(next ? { continue: next } : {}) });
      const asked = { signal, mostBytes: MOST_OF_PAGE };
      const { metadata, items }: Page = await this.cluster.json(PageSchema, `/api/v1/pods?${query}`, asked);
      for (const pod of items ?? []) {
        const containers = readPod(pod);
        count += containers.length;
        found.set(keyOf(pod), containers);
      }
      refuseEndless(count);
      version = metadata.resourceVersion;
      next = metadata.continue || undefined;
    }
    this.pods.clear();
    for (const [key, containers] of found) this.pods.set(key, containers);
    [this.version, this.count] = [version, count];
  }

  private async *watch(signal: AbortSignal): AsyncGenerator<void> {
    const { watchSeconds } = this.watching;
    const query = new URLSearchParams({
      ...{ watch: '1', allowWatchBookmarks: 'true', resourceVersion: this.version },
      timeoutSeconds: String(watchSeconds),
    });
    const asked = { signal, withinMs: (watchSeconds + 30) * 1000 };
    const changes = await this.cluster.lines(`/api/v1/pods?${query}`, asked).catch((error) => {
      throw error instanceof PeerFault && error.status === 410 ? new Expired() : error;
    });
    for await (const line of changes) if (this.take(line)) yield;
  }

  /** Whether anything changed that is reported. Throws Expired, and PeerFault for what is not understood. */
  private take(line: unknown): boolean {
    const { type, object } = this.read(ChangeSchema, line);
    if (type === 'ERROR') {
      const { code, message } = this.read(StatusSchema, object);
      if (code === 410) throw new Expired();
      throw new PeerFault(`${this.cluster.title} ended the watch: ${message}`, code);
    }
    if (type === 'BOOKMARK') {
      this.version = this.read(BookmarkSchema, object).metadata.resourceVersion;
      return false;
    }
    const pod = this.read(PodSchema, object);
    this.version = pod.metadata.resourceVersion ?? this.version;
    return this.keep(keyOf(pod), type === 'DELETED' ? undefined : readPod(pod));
  }

  private keep(key: string, now: readonly SeenContainer[] | undefined): boolean {
    const before = this.pods.get(key);
    this.count += (now?.length ?? 0) - (before?.length ?? 0);
    refuseEndless(this.count);
    if (now) this.pods.set(key, now);
    else this.pods.delete(key);
    return JSON.stringify(before) !== JSON.stringify(now);
  }

  private read<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
    const { data, error } = schema.safeParse(value);
    if (!error) return data as z.output<Schema>;
    const [issue] = error.issues;
    throw new PeerFault(
      `a change of ${this.cluster.title} is not understood: ${issue?.path.join('.')}: ${issue?.message}`,
    );
  }
}

/** A pod that was made anew under its name is another one; it is there before the one before it is said to be gone. */
const keyOf = ({ metadata }: Pod) => metadata.uid;

function refuseEndless(count: number): void {
  if (count > MOST_CONTAINERS) throw new PeerFault(`the cluster has more than ${MOST_CONTAINERS} containers`);
}
