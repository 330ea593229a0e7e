import { createHash } from 'node:crypto';
import type { Side, Warehouse } from './warehouse';

const WITHIN_MS = 30_000;

export interface Answer {
  readonly status: number;
  readonly json: unknown;
}

/** Somebody who asks a gateway. What has no answer since somebody died is asked again, under the same id. */
export class Client {
  constructor(private readonly warehouse: Warehouse) {}

  async send(side: Side, method: string, path: string, body?: object, key?: string): Promise<Answer> {
    return this.untilAnswered(async () => {
      const answer = await fetch(`${this.warehouse.url(side)}${path}`, {
        method,
        headers: {
          ...(body ? { 'content-type': 'application/json' } : {}),
          ...(key ? { 'idempotency-key': key } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
        signal: AbortSignal.timeout(WITHIN_MS),
      });
      const text = await answer.text();
      if (answer.status >= 500) throw new Error(`${side} ${path}: ${answer.status} ${text}`);
      return { status: answer.status, json: parsed(text) };
    });
  }

  async get<T>(side: Side, path: string): Promise<T> {
    const { status, json } = await this.send(side, 'GET', path);
    if (status !== 200) throw new Error(`${side} ${path}: ${status} ${JSON.stringify(json)}`);
    return json as T;
  }

  /** Throws where it is not there, or has other bytes than it is named by. */
  async read(side: Side, path: string, digest = path.slice(path.lastIndexOf('/') + 1)): Promise<void> {
    const bytes = await this.untilAnswered(async () => {
      const answer = await fetch(`${this.warehouse.url(side)}${path}`, { signal: AbortSignal.timeout(WITHIN_MS) });
      const body = Buffer.from(await answer.arrayBuffer());
      if (answer.status !== 200) throw new Error(`${side} ${path}: ${answer.status} ${body}`);
      return body;
    });
    const actual = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    if (actual !== digest) throw new Error(`${side} ${path}: its ${bytes.length} bytes hash to ${actual}`);
  }

  /** Where nobody was dead, no answer is a fault. */
  private async untilAnswered<T>(run: () => Promise<T>): Promise<T> {
    for (;;) {
      const { revived } = this.warehouse;
      try {
        return await run();
      } catch (error) {
        if (this.warehouse.revived === revived && !(await this.warehouse.reviveLate())) throw error;
      }
    }
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
