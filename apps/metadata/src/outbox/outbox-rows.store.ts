import { Injectable } from '@nestjs/common';
import { type OutboxRow, OutboxRows } from '#messaging/outbox-rows';
import { Database } from '../database/database';

@Injectable()
export class OutboxRowsStore extends OutboxRows {
  constructor(private readonly database: Database) {
    super();
  }

  hold(worker: string, leaseMs: number): Promise<number[]> {
    return this.database.transaction('metadata.hold-outbox', async (sql) => {
      const held = await sql.query<{ partition: number }>(
        `UPDATE outbox_partition
         SET worker = $1, epoch = epoch + CASE WHEN worker = $1 THEN 0 ELSE 1 END,
             leased_until = clock_timestamp() + $2 * interval '1 ms'
         WHERE worker = $1 OR leased_until IS NULL OR leased_until < clock_timestamp()
         RETURNING partition`,
        [worker, leaseMs],
      );
      return held.map(({ partition }) => partition);
    });
  }

  read(partition: number, limit: number): Promise<OutboxRow[]> {
    return this.database.read<OutboxRow>(
      `SELECT id::text AS id, subject, message, message_id AS "messageId"
       FROM outbox WHERE partition = $1 ORDER BY outbox.id LIMIT $2`,
      [partition, limit],
    );
  }

  async remove(ids: readonly string[]): Promise<void> {
    await this.database.transaction('metadata.remove-outbox-rows', (sql) =>
      sql.query('DELETE FROM outbox WHERE id = ANY($1::bigint[])', [ids]),
    );
  }

  async release(worker: string): Promise<void> {
    await this.database.transaction('metadata.release-outbox', (sql) =>
      sql.query('UPDATE outbox_partition SET worker = NULL, leased_until = NULL WHERE worker = $1', [worker]),
    );
  }

  onWritten(listener: () => void): () => void {
    return this.database.onFacts(listener);
  }
}
