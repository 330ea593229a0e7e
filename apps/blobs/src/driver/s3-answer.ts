import { Readable } from 'node:stream';
import type { ByteSource } from '#calls/byte-source';
import type { GetAnswer } from '#calls/get-connection';

/** An answer as the S3 client wants it, which reads a body where it is an error's; who asked for bytes takes `bytes`. */
export class S3Answer extends Readable {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: ByteSource;

  constructor(answer: GetAnswer) {
    super();
    this.statusCode = answer.head.status;
    this.headers = answer.head.headers;
    this.bytes = answer;
  }

  override _read(): void {
    this.bytes.next().then(
      (chunk) => this.push(chunk),
      (error: Error) => this.destroy(error),
    );
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const end = () => done(error);
    this.bytes.close().then(end, end);
  }
}
