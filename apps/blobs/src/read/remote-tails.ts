import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { CAPABILITY_MS, signCapability } from '#calls/capability';
import { CAPABILITY_SECRET } from '#calls/capability-secret';
import { openTail } from '#calls/open-tail';
import { OWN_URL } from '#calls/own-url';
import { BLOBS_CONFIG, type BlobsConfig } from '../blobs.config';
import { coveredUntil } from '../upload/extent-coverage';
import type { FollowedObject } from './followed-object';
import { RemoteTail } from './remote-tail';

/** What one object takes of the memory at the most, in bytes: readers that keep up are never further behind. */
const LARGEST_TAIL = 4 * 1024 * 1024;
/** A writer whose upstream rests says nothing; one that is cut off says nothing for ever. In milliseconds. */
const STALL_MS = 30_000;

interface Link {
  readonly writer: string;
  readonly stop: AbortController;
}

/**
 * What writers in other replicas have in memory, one connection for each object that is followed here. Best effort:
 * where a writer does not answer, its committed extents are read, and it is asked again when the rows are.
 */
@Injectable()
export class RemoteTails implements OnModuleDestroy {
  private readonly links = new Map<string, Link>();

  constructor(
    @Inject(CAPABILITY_SECRET) private readonly secret: Uint8Array,
    @Inject(OWN_URL) private readonly ownUrl: string | null,
    @Inject(BLOBS_CONFIG) private readonly config: BlobsConfig,
  ) {}

  onModuleDestroy(): void {
    for (const { stop } of this.links.values()) stop.abort();
  }

  /** Takes the tail of a writer elsewhere, if there is one and it is not taken already. `ended` is called when it ends. */
  reach(followed: FollowedObject, ended: () => void): void {
    const { id, writer, settled, tail } = followed;
    const link = this.links.get(id);
    if (link && (link.writer !== writer || settled)) this.leave(id);
    if (writer === null || writer === this.ownUrl || settled || tail || this.links.has(id)) return;
    const stop = new AbortController();
    this.links.set(id, { writer, stop });
    void this.take(followed, writer, stop.signal)
      .catch(() => false)
      .then((taken) => {
        if (this.links.get(id)?.stop === stop) this.links.delete(id);
        if (taken && !stop.signal.aborted) ended();
      });
  }

  /** Nobody follows the object here any more, or its writer is another one. */
  leave(object: string): void {
    this.links.get(object)?.stop.abort();
    this.links.delete(object);
  }

  /** Answers whether anything of it came. */
  private async take(followed: FollowedObject, writer: string, signal: AbortSignal): Promise<boolean> {
    const from = coveredUntil(followed.committed, 0);
    const grant = { method: 'read', object: followed.id, expires: Date.now() + CAPABILITY_MS } as const;
    const capability = signCapability(this.secret, grant);
    const asked = { object: followed.id, from };
    const { offset, stream } = await openTail(writer, capability, asked, { signal, stallMs: STALL_MS });
    const remote = new RemoteTail(offset);
    // A writer that began here meanwhile is nearer, and newer.
    if (!followed.tail) followed.tail = remote;
    try {
      for await (const chunk of stream) {
        if (followed.tail !== remote) break;
        remote.add(chunk as Buffer, coveredUntil(followed.committed, 0), this.share);
        followed.changed();
      }
    } finally {
      if (followed.tail === remote) followed.tail = null;
    }
    return true;
  }

  /** What each of them may hold, in bytes. */
  private get share(): number {
    return Math.min(LARGEST_TAIL, Math.floor(this.config.ENTREPOT_TAIL_MEMORY_BYTES / Math.max(1, this.links.size)));
  }
}
