import { Injectable, Logger } from '@nestjs/common';
import { Calls } from '#calls/calls';
import { AbortSession, FinishSession, type FinishUpload } from '#contracts/calls/sessions';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { type Digest, digestAlgorithm } from '#oci/digest';
import { blobUploadInvalid, digestInvalid, isRegistryError, RegistryError } from '#oci/registry-error';
import { BlobDriver } from '../driver/blob-driver';
import { FollowedObjects } from '../read/followed-objects';
import { hashStored } from '../read/hash-stored';
import { askAgain } from './ask-again';
import { byOffset } from './extent-coverage';
import { type Holding, type TakenSession, UploadSessions } from './upload-sessions';

/** The end of an upload: verified and live, or refused and gone. */
@Injectable()
export class FinishUploadHandler {
  private readonly log = new Logger('Blobs');

  constructor(
    private readonly sessions: UploadSessions,
    private readonly driver: BlobDriver,
    private readonly calls: Calls,
    private readonly followed: FollowedObjects,
  ) {}

  /** Throws DIGEST_INVALID and SIZE_INVALID after the session ended; STALE, UNAVAILABLE and TIMEOUT leave it. */
  finish(question: QuestionOf<typeof FinishUpload>): Promise<AnswerOf<typeof FinishUpload>> {
    return this.sessions.holding(question.session, async (holding) => {
      const { taken, overtaken } = holding;
      const refusal = await this.refusal(holding, question.digest, question.size);
      overtaken.throwIfAborted();
      if (refusal) throw await this.abort(taken, refusal);
      const { session, epoch, offset: size } = taken;
      await this.driver.trim(taken.object, size);
      const { object } = await askAgain(this.calls, FinishSession, { session, epoch, digest: question.digest, size });
      this.sessions.forget(session);
      this.followed.find(taken.object)?.settle(question.digest, size);
      return { object, size };
    });
  }

  private async refusal({ taken, overtaken }: Holding, digest: Digest, size?: number): Promise<RegistryError | null> {
    for (const promised of [size, taken.expectedSize]) {
      if (typeof promised === 'number' && promised !== taken.offset) return wrongSize(promised, taken.offset);
    }
    const end = taken.extents.reduce((last, { offset, length }) => Math.max(last, offset + length), 0);
    if (end > taken.offset) return blobUploadInvalid(`bytes are missing from ${taken.offset} on`);
    if (taken.expectedDigest && taken.expectedDigest !== digest) {
      return digestInvalid(digest, `the upload was opened for ${taken.expectedDigest}`);
    }
    const actual = await this.digestOf(taken, digest, overtaken);
    if (actual === null) return blobUploadInvalid('its bytes were lost in the store: upload them again');
    return actual === digest ? null : digestInvalid(digest, `what was uploaded hashes to ${actual}`);
  }

  private async digestOf(taken: TakenSession, digest: Digest, overtaken: AbortSignal): Promise<Digest | null> {
    const algorithm = digestAlgorithm(digest);
    const running = this.sessions.hashOf(taken);
    if (running?.algorithm === algorithm) return running.digest();
    const extents = byOffset(taken.extents);
    return (await hashStored(this.driver, taken.object, extents, taken.offset, algorithm, { signal: overtaken }))
      .digest;
  }

  /** The rows say first that the object is purging; only then its bytes may go. Answers what to throw. */
  private async abort(taken: TakenSession, refusal: RegistryError): Promise<RegistryError> {
    const { session, epoch, object } = taken;
    try {
      await askAgain(this.calls, AbortSession, { session, epoch, reason: refusal.message.slice(0, 500) });
    } catch (error) {
      if (!isRegistryError(error, 'BLOB_UPLOAD_UNKNOWN')) throw error;
    }
    this.sessions.forget(session);
    this.followed.find(object)?.fail(refusal);
    await this.driver.purge(object).catch((error: unknown) => {
      this.log.warn(`object ${object} is left to the next purge: ${String(error)}`);
    });
    return refusal;
  }
}

const wrongSize = (promised: number, actual: number): RegistryError =>
  new RegistryError('SIZE_INVALID', `the upload has ${actual} bytes, not the ${promised} that were promised`, {
    detail: { expected: promised, actual },
  });
