import type { IncomingMessage } from 'node:http';
import type { ByteSource } from '#calls/byte-source';
import { StreamIntake } from '../upload/stream-intake';

/** The body of an answer that a client of Node reads, as one of TLS. */
export class StreamBytes implements ByteSource {
  private readonly intake: StreamIntake;

  constructor(
    private readonly response: IncomingMessage,
    /** Ends a wait for bytes: with it the response is destroyed too. */
    private readonly stop: AbortSignal,
    private readonly silenceMs: number,
  ) {
    this.intake = new StreamIntake(response);
  }

  /** A reader may rest as long as it likes; the store may not, while it is read. */
  async next(): Promise<Buffer | null> {
    const timer = setTimeout(() => this.response.destroy(), this.silenceMs);
    try {
      return await this.intake.next(this.stop);
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    this.response.destroy();
  }
}
