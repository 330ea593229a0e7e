import type { Digest } from '#oci/digest';
import type { RepositoryName } from '#oci/repository-name';
import { writePins } from '../blob/pin.store';
import type { Sql } from '../database/database';
import type { HotClient } from '../database/hot-client';
import type { MetadataConfig } from '../metadata.config';

export interface Asked {
  readonly repository: RepositoryName;
  readonly digest: Digest;
}

/** What a kind of things that repositories have must say of itself. */
export interface PinnedKind<Found> {
  readonly kind: 'blob' | 'manifest';
  /**
   * $1 repositories, $2 digests, $3 how long a pin must last still, in milliseconds. Each column has its own name;
   * first come the question's position from 1, the repository's id, and whether the pin that is there covers the answer.
   */
  readonly text: string;
  readonly found: (columns: unknown[]) => Found;
  /** The transaction that pins: what is asked for is locked first (KEY SHARE), in the order of locks. */
  readonly commit: <T>(run: (sql: Sql) => Promise<T>) => Promise<T>;
  readonly lock: (sql: Sql, asked: readonly Asked[]) => Promise<void>;
}

type Row = [position: number, repositoryId: number, pinned: boolean, ...unknown[]];

const key = ({ repository, digest }: Asked) => `${repository}@${digest}`;

/** Questions whose good answer is a promise: saying that something is there pins it, before it is said. */
export class PinnedQuestions<Found> {
  /** Pins on their way: many who ask for one thing write one. */
  private readonly pinning = new Map<string, Promise<Found | null>>();

  constructor(
    private readonly client: HotClient,
    private readonly config: MetadataConfig,
    private readonly kind: PinnedKind<Found>,
  ) {}

  /** In the order of the questions; null for what is not there. */
  async find(asked: readonly Asked[]): Promise<(Found | null)[]> {
    const { kind, text } = this.kind;
    const rows = await this.client.query<Row>(`find-${kind}s`, text, this.parameters(asked));
    const found: (Found | null)[] = asked.map(() => null);
    const unpinned: number[] = [];
    for (const [position, , pinned, ...columns] of rows) {
      if (pinned) found[position - 1] = this.kind.found(columns);
      else unpinned.push(position - 1);
    }
    if (unpinned.length === 0) return found;
    const answers = await this.pin(unpinned.map((at) => asked[at]!));
    for (const [n, at] of unpinned.entries()) found[at] = answers[n]!;
    return found;
  }

  /** Pins those that are there, and answers which they are. */
  async pin(asked: readonly Asked[]): Promise<(Found | null)[]> {
    const found = await Promise.all(
      asked.map((each) => this.pinning.get(key(each))?.catch(() => null) ?? Promise.resolve(null)),
    );
    // What another found gone may be back since: only what it found there counts for us.
    const own = asked.filter((_, n) => found[n] === null);
    if (own.length === 0) return found;
    const pinned = this.pinOwn(own);
    for (const [n, each] of own.entries())
      this.share(
        key(each),
        pinned.then((answers) => answers[n] ?? null),
      );
    const answers = await pinned;
    let next = 0;
    return found.map((each) => each ?? answers[next++] ?? null);
  }

  private share(name: string, answer: Promise<Found | null>): void {
    this.pinning.set(name, answer);
    const done = () => this.pinning.get(name) === answer && this.pinning.delete(name);
    answer.then(done, done);
  }

  private pinOwn(asked: readonly Asked[]): Promise<(Found | null)[]> {
    const { kind, commit, lock } = this.kind;
    return commit(async (sql) => {
      await lock(sql, asked);
      const rows = await this.readAgain(sql, asked);
      const pins = rows.map(([position, repositoryId]) => ({ repositoryId, digest: asked[position - 1]!.digest }));
      const { ENTREPOT_PIN_MS: pinMs, ENTREPOT_PIN_WRITE_MS: writeMs } = this.config;
      await writePins(sql, kind, pins, { pinMs, writeMs });
      const found: (Found | null)[] = asked.map(() => null);
      for (const [position, , , ...columns] of rows) found[position - 1] = this.kind.found(columns);
      return found;
    });
  }

  private async readAgain(sql: Sql, asked: readonly Asked[]): Promise<Row[]> {
    const rows = await sql.query<object>(this.kind.text, this.parameters(asked));
    return rows.map((row) => Object.values(row) as Row);
  }

  private parameters(asked: readonly Asked[]): unknown[] {
    return [asked.map((each) => each.repository), asked.map((each) => each.digest), coverMs(this.config)];
  }
}

/** A pin that lasts this long still is not written again, in milliseconds: it covers the answer. */
export const coverMs = ({ ENTREPOT_PIN_MS: pin, ENTREPOT_PIN_WRITE_MS: write }: MetadataConfig): number => pin - write;
