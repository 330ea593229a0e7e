import type { Stretch } from '#calls/byte-plane';
import { durable } from '#config/failpoint';
import type { S3Client, StoredKey } from './s3.client';

/** Whoever aborts while parts are on their way may have to do it again. */
const ABORT_ROUNDS = 3;
/** S3 copies no more than 5 GiB into one part, and takes no more than 10,000 parts. */
const LARGEST_COPY = 1024 ** 3;

/**
 * One key that is put together in the store. Of the client only single requests are used: its `composeObject` gives
 * all parts of one source the same number, and where one fails it aborts the upload and answers as if all were well.
 */
export class S3Multipart {
  private readonly etags = new Map<number, string>();

  private constructor(
    private readonly client: S3Client,
    private readonly key: string,
    private readonly id: string,
  ) {}

  /** Asked once: an upload whose id was lost on the way would stay for as long as its key does. */
  static async begin(client: S3Client, key: string, signal: AbortSignal): Promise<S3Multipart> {
    const begin = () =>
      durable('blobs.begin-multipart', () => client.api.initiateNewMultipartUpload(client.bucket, key, {}));
    return new S3Multipart(client, key, await client.again(begin, signal, 1));
  }

  /** A part that the store copies from a key of its own, if that is still what it was; null: all of it. */
  async copy(part: number, { key, etag }: StoredKey, range: Stretch | null, signal: AbortSignal): Promise<void> {
    const headers = {
      'x-amz-copy-source': `${this.client.bucket}/${key}`,
      'x-amz-copy-source-if-match': `"${etag}"`,
      ...(range && { 'x-amz-copy-source-range': `bytes=${range.start}-${range.end - 1}` }),
    };
    const copy = () =>
      durable('blobs.copy-part', () => this.client.api.uploadPart({ ...this.numbered(part), headers }));
    this.took(part, await this.client.again(copy, signal));
  }

  /** Over plain HTTP it carries the hash of its bytes, and the store verifies it. */
  async put(part: number, bytes: Buffer, signal: AbortSignal): Promise<void> {
    const put = () =>
      durable('blobs.put-part', () => this.client.api.uploadPart({ ...this.numbered(part), headers: {} }, bytes));
    this.took(part, await this.client.again(put, signal));
  }

  /** Asked once: repeated after it was carried out it would be refused. What it did, the store is asked. */
  async complete(signal: AbortSignal): Promise<void> {
    const { client, key, id } = this;
    const parts = [...this.etags].sort(([one], [other]) => one - other).map(([part, etag]) => ({ part, etag }));
    const complete = () =>
      durable('blobs.complete-multipart', () => client.api.completeMultipartUpload(client.bucket, key, id, parts));
    await client.again(complete, signal, 1);
  }

  private numbered(partNumber: number) {
    return { bucketName: this.client.bucket, objectName: this.key, uploadID: this.id, partNumber };
  }

  /** A copy may be answered 200 and fail afterwards: then its answer names no part. */
  private took(part: number, { etag }: { etag: string }): void {
    if (!etag) throw new Error(`the store did not say that it has part ${part} of ${this.key}`);
    this.etags.set(part, etag);
  }
}

/** The store makes a second key of one, whatever its size. A failure leaves nothing. */
export async function copyKey(client: S3Client, from: StoredKey, key: string, signal: AbortSignal): Promise<void> {
  const upload = await S3Multipart.begin(client, key, signal);
  try {
    for (let start = 0, part = 1; start < from.bytes; start += LARGEST_COPY, part += 1) {
      const end = Math.min(from.bytes, start + LARGEST_COPY);
      await upload.copy(part, from, end - start === from.bytes ? null : { start, end }, signal);
    }
    await upload.complete(signal);
  } catch (error) {
    await abortMultiparts(client, key);
    throw error;
  }
}

/**
 * Ends every upload of parts to this key: what comes of it afterwards is refused. By the whole key, since MinIO finds
 * uploads by nothing else.
 */
export async function abortMultiparts(client: S3Client, key: string): Promise<void> {
  for (let round = 0; round < ABORT_ROUNDS; round += 1) {
    const ids = await uploadsOf(client, key);
    if (ids.length === 0) return;
    for (const id of ids) await client.again(() => abort(client, key, id));
  }
  throw new Error(`uploads to ${key} go on although they were aborted`);
}

async function uploadsOf(client: S3Client, key: string): Promise<string[]> {
  const found = await client.again(() =>
    client.api.listIncompleteUploadsQuery(client.bucket, key, '', '', '').catch((error: { code?: string }) => {
      if (error.code === 'NotImplemented') return { uploads: [] };
      throw error;
    }),
  );
  return found.uploads.filter((upload) => upload.key === key).map(({ uploadId }) => uploadId);
}

async function abort(client: S3Client, key: string, id: string): Promise<void> {
  await durable('blobs.abort-multipart', () => client.api.abortMultipartUpload(client.bucket, key, id)).catch(
    (error: { code?: string }) => {
      if (error.code !== 'NoSuchUpload') throw error;
    },
  );
}
