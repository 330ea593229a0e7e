import { Inject, Injectable } from '@nestjs/common';
import { BytePlane, type ObjectReading, type ReadOptions } from '#calls/byte-plane';
import { Calls } from '#calls/calls';
import { CAPABILITY_MS, signCapability } from '#calls/capability';
import { CAPABILITY_SECRET } from '#calls/capability-secret';
import { FindBlobs, WantBlob } from '#contracts/calls/blobs';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import type { Digest } from '#oci/digest';
import { blobUnknown, unavailable } from '#oci/registry-error';
import { countProxied } from '../gateway-metrics';
import type { AskedRepository } from './name-repository';
import { QuestionBatcher } from './question-batcher';

export interface FoundBlob {
  readonly size: number;
  /** Where its bytes are or are being written; absent where only its size was asked. */
  readonly object?: string;
}

type BlobQuestion = QuestionOf<typeof FindBlobs>['blobs'][number];
type BlobAnswer = AnswerOf<typeof FindBlobs>['blobs'][number];

/** Blobs as a repository may have them; for an upstream's repository, what is missing is filled and followed. */
@Injectable()
export class BlobStore {
  private readonly rights: QuestionBatcher<BlobQuestion, BlobAnswer>;

  constructor(
    private readonly calls: Calls,
    private readonly bytes: BytePlane,
    @Inject(CAPABILITY_SECRET) private readonly secret: Uint8Array,
  ) {
    this.rights = new QuestionBatcher(
      ({ repository, digest }) => `${repository}@${digest}`,
      async (blobs) => (await calls.ask(FindBlobs, { blobs })).blobs,
      1000,
    );
  }

  /** `fill` begins the download of what is missing; without it nothing is fetched. BLOB_UNKNOWN. */
  async find({ name, isUpstream }: AskedRepository, digest: Digest, fill: boolean): Promise<FoundBlob> {
    const held = await this.rights.ask({ repository: name, digest });
    if (isUpstream) countProxied('blob', held !== null);
    if (held) return held;
    if (!isUpstream) throw blobUnknown(digest);
    const { size, object } = await this.calls.ask(WantBlob, { repository: name, digest, fill });
    if (fill && object === undefined) throw unavailable(`the download of ${digest}`, 1);
    return { size, ...(object === undefined ? {} : { object }) };
  }

  read(object: string, options: ReadOptions): Promise<ObjectReading> {
    const expires = Date.now() + CAPABILITY_MS;
    return this.bytes.read(signCapability(this.secret, { method: 'read', object, expires }), object, options);
  }
}
