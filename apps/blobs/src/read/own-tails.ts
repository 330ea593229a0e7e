import { Inject, Injectable } from '@nestjs/common';
import type { ByteSource } from '#calls/byte-source';
import { allows } from '#calls/capability';
import { CAPABILITY_SECRET } from '#calls/capability-secret';
import { ObjectStream } from '#calls/object-stream';
import { ReadBuffers } from '#calls/read-buffers';
import type { TailReading, Tails } from '#calls/tails';
import { cancelled, denied } from '#oci/registry-error';
import { coveredUntil } from '../upload/extent-coverage';
import type { FollowedObject, Tail } from './followed-object';
import { FollowedObjects } from './followed-objects';
import { bytesAreGone } from './settled-objects';

/** What writers of this process have in memory, for those who follow them from other replicas. */
@Injectable()
export class OwnTails implements Tails {
  constructor(
    private readonly followed: FollowedObjects,
    private readonly buffers: ReadBuffers,
    @Inject(CAPABILITY_SECRET) private readonly secret: Uint8Array,
  ) {}

  tail(capability: string, object: string, from: number): TailReading {
    if (!allows(this.secret, capability, { method: 'read', object }, Date.now()))
      throw denied('the capability does not allow this');
    const followed = this.followed.find(object);
    if (!followed?.tail) throw bytesAreGone(object);
    const left = this.followed.attach(followed);
    const offset = coveredUntil(followed.committed, from);
    return { offset, stream: new ObjectStream(new TailBytes(followed, followed.tail, offset), this.buffers, left) };
  }
}

/** Ends where its writer has, and where a slow reader finds bytes in the store only. */
class TailBytes implements ByteSource {
  private readonly stop = new AbortController();

  constructor(
    private readonly followed: FollowedObject,
    private readonly tail: Tail,
    private position: number,
  ) {}

  async next(): Promise<Buffer | null> {
    for (;;) {
      if (this.stop.signal.aborted) throw cancelled('the read');
      const { followed, tail, position } = this;
      const piece = followed.tail === tail ? tail.piece(position) : null;
      if (piece) {
        this.position += piece.length;
        return piece;
      }
      if (followed.tail !== tail || coveredUntil(followed.committed, position) > position) return null;
      await followed.nextChange(this.stop.signal);
    }
  }

  async close(): Promise<void> {
    this.stop.abort();
  }
}
