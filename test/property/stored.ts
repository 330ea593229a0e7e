import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contents } from './images';
import { keptBlobs } from './keep';
import type { Model } from './model';
import type { Warehouse } from './warehouse';

interface ObjectRow {
  readonly id: string;
  readonly state: string;
  readonly digest: string | null;
}

/** What is due and not done yet; while it is quiet after an absence, nothing is. */
const UNSETTLED = `
  SELECT CASE WHEN coalesce((SELECT quiet_until > now() FROM installation), false) THEN 0 ELSE
      (SELECT count(*) FROM review WHERE due_at <= now())
    + (SELECT count(*) FROM object WHERE state = 'purging' OR (state = 'condemned' AND purge_after <= now()))
    + (SELECT count(*) FROM reporter WHERE leased_until + coalesce((SELECT sum(ended_at - greatest(began_at, reported_at))
        FROM absence WHERE ended_at > reported_at), interval '0') < now()) END
    + (SELECT count(*) FROM operation WHERE ended_at IS NULL) AS n`;

/** The rows of what there is, and the bytes in the store. */
export class Stored {
  private readonly hashed = new Set<string>();

  constructor(private readonly warehouse: Warehouse) {}

  async isSettled(): Promise<boolean> {
    const [row] = await this.query<{ n: number }>(UNSETTLED);
    return row!.n === 0;
  }

  /**
   * Each usable digest is one that the model keeps, and the other way round; each object's file is there, and is what
   * its digest says; there is no other file; and what went was purging before.
   */
  async check(model: Model, contents: Contents): Promise<void> {
    const files = await this.files();
    const rows = await this.query<ObjectRow>(
      `SELECT object.id, object.state, object.digest FROM object WHERE state IN ('live', 'condemned') ORDER BY id`,
    );
    const usable = await this.query<{ digest: string }>('SELECT digest FROM blob ORDER BY digest');
    const kept = keptBlobs(model).map((name) => contents.blobDigests.get(name)!);
    expect(usable.map(({ digest }) => this.nameOf(contents, digest)).sort()).toEqual(
      kept.map((digest) => this.nameOf(contents, digest)).sort(),
    );
    expect([...files.keys()].sort()).toEqual(rows.map(({ id }) => id));
    for (const row of rows) await this.checkBytes(row, files.get(row.id)!);
    const wrong = await this.query('SELECT id FROM seen_object WHERE gone AND NOT purging');
    expect(wrong).toEqual([]);
  }

  /** Where nothing is wanted any more, nothing is left. */
  async isEmpty(): Promise<Record<string, number>> {
    const tables = [
      'manifest',
      'repository_manifest',
      'blob',
      'repository_blob',
      'object',
      'extent',
      'review',
      'pin',
      'tag',
    ];
    const counts: Record<string, number> = {};
    for (const table of [...tables, 'container', 'fill', 'upload_session', 'operation_manifest WHERE NOT ended']) {
      const [row] = await this.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`);
      if (row!.n > 0) counts[table] = row!.n;
    }
    const files = await this.files();
    return files.size > 0 ? { ...counts, files: files.size } : counts;
  }

  private nameOf(contents: Contents, digest: string): string {
    return [...contents.blobDigests].find(([, each]) => each === digest)?.[0] ?? digest;
  }

  private async checkBytes({ id, digest }: ObjectRow, path: string): Promise<void> {
    if (this.hashed.has(id)) return;
    const actual = `sha256:${createHash('sha256')
      .update(await readFile(path))
      .digest('hex')}`;
    expect({ id, digest: actual }).toEqual({ id, digest });
    this.hashed.add(id);
  }

  private async files(): Promise<Map<string, string>> {
    const files = new Map<string, string>();
    for (const shelf of await readdir(this.warehouse.objects)) {
      for (const id of await readdir(join(this.warehouse.objects, shelf)))
        files.set(id, join(this.warehouse.objects, shelf, id));
    }
    return files;
  }

  private query<Row>(text: string): Promise<Row[]> {
    return this.warehouse.clock.database.read<Row>(text);
  }
}
