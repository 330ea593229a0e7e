import type { Fault, ObjectRow } from './compare-store';
import type { Slice } from './read-slices';

/** As many faults as are named: there may be as many as objects, and who mends these finds the others next. */
export const MOST_FAULTS = 10_000;

const STATES = ['live', 'condemned', 'purging', 'uploading'] as const;

/** What a check has found so far, and what it has seen, in bounded memory. */
export class Findings {
  readonly faults: Fault[] = [];
  /** Of objects that are spoilt, or were lost before and are live still. */
  readonly wanted: ObjectRow[] = [];
  /** Faults beyond those that are named. */
  more = 0;
  spoilt = 0;
  strays = 0;
  stored = 0;
  finished = 0;
  private bytes = 0;
  private empty = 0;
  private seen = 0;
  private hashed = 0;
  private hashedBytes = 0;
  private readonly states = new Map<string, number>();
  private readonly spoiltObjects = new Set<string>();

  get progress(): string {
    const hashed = this.hashed > 0 ? `, hashed ${this.hashed} (${this.hashedBytes} bytes)` : '';
    return `looked at ${this.seen} objects${hashed}; ${this.faults.length + this.more} faults so far`;
  }

  get summary(): string[] {
    const states = STATES.filter((state) => this.states.has(state)).map(
      (state) => `${this.states.get(state)} ${state}`,
    );
    return [
      `in the store: ${this.stored} objects, ${this.bytes} bytes`,
      `in the database: ${states.join(', ') || 'none'}${this.empty > 0 ? ` (${this.empty} empty, which may have no file)` : ''}`,
    ];
  }

  get hashSummary(): string {
    const others = this.seen - this.hashed;
    const rest = others > 0 ? `; ${others} more are on their way in or out, or known to be without their bytes` : '';
    return `hashed ${this.hashed} objects${rest}`;
  }

  isSpoilt(object: string): boolean {
    return this.spoiltObjects.has(object);
  }

  add({ stored, rows, faults }: Slice): void {
    for (const { bytes } of stored) this.bytes += bytes;
    this.stored += stored.length;
    for (const fault of faults) this.note(fault);
    for (const row of rows) this.see(row);
  }

  addHashed(row: ObjectRow, fault: Fault | null): void {
    this.hashed += 1;
    this.hashedBytes += row.size ?? 0;
    if (fault === null) return;
    this.note(fault);
    if (fault.spoilt !== undefined) this.want(row);
  }

  /** An object that is named already is not named again by a rule of its rows. */
  addLines(word: 'row' | 'stuck' | 'stream', lines: readonly string[]): void {
    for (const line of lines) {
      const [, object = ''] = /^object ([0-9a-f-]{36}) /.exec(line) ?? [];
      if (!this.isSpoilt(object)) this.note({ line: `${word}: ${line}` });
    }
  }

  private see(row: ObjectRow): void {
    this.seen += 1;
    this.states.set(row.state, (this.states.get(row.state) ?? 0) + 1);
    if (row.state === 'live' && row.size === 0) this.empty += 1;
    if (row.state === 'live' || row.state === 'condemned') this.finished += 1;
    if (this.isSpoilt(row.object) || (row.lost && row.state === 'live')) this.want(row);
  }

  private note(fault: Fault): void {
    if (fault.spoilt !== undefined) this.spoilt += 1;
    if (fault.stray !== undefined) this.strays += 1;
    if (this.faults.length >= MOST_FAULTS) this.more += 1;
    else {
      this.faults.push(fault);
      if (fault.spoilt !== undefined) this.spoiltObjects.add(fault.spoilt);
    }
  }

  private want(row: ObjectRow): void {
    if (this.wanted.length < MOST_FAULTS) this.wanted.push(row);
  }
}
