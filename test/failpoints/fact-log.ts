import type { Operation } from '#contracts/operation';
import { type ReadFact, readFacts } from '#testing/read-facts';

/** The program whose facts they are, through its lives. */
interface Publisher {
  readonly program: { readonly natsUrl: string };
  until<T>(what: string, ask: () => Promise<T>, withinMs: number): Promise<T>;
}

/** A dead relay of another process holds its partitions for half a minute. */
const LATE_MS = 150_000;

/** The facts that were published, as anybody may read them: each once, whatever died. */
export class FactLog {
  private read = 0;
  private readonly ids = new Set<string>();
  private readonly ofOperation = new Map<string, string[]>();
  private waiting: Operation[] = [];

  /** `when` facts are looked for: at once, at the end of all, or never. */
  constructor(
    private readonly publisher: Publisher,
    private readonly when: 'now' | 'late' | 'never',
    private readonly natsUrl?: string,
  ) {}

  /** Of a new data folder there are none yet. */
  begin(): void {
    this.read = 0;
    this.ids.clear();
    this.ofOperation.clear();
    this.waiting = [];
  }

  /** Waits until it was said that an operation was accepted and how it ended; throws where a thing is said twice. */
  async tell(operation: Operation): Promise<void> {
    if (this.when === 'now') await this.hear(operation);
    if (this.when === 'late') this.waiting.push(operation);
  }

  /** What was left for the end. */
  async tellWaiting(): Promise<void> {
    for (const operation of this.waiting.splice(0)) await this.hear(operation);
  }

  private async hear({ id, state }: Operation): Promise<void> {
    const told = async () => {
      await this.readOn();
      return (this.ofOperation.get(id) ?? []).length >= 2;
    };
    await this.publisher.until(`the facts of operation ${id}`, told, LATE_MS);
    const wanted = ['accepted', state].map((verb) => `dev.entrepot.fact.operation.${verb}.v1`);
    const said = this.ofOperation.get(id) ?? [];
    if (said.join() !== wanted.join()) throw new Error(`of operation ${id} was said: ${said.join(', ')}`);
  }

  private async readOn(): Promise<void> {
    for (const fact of await readFacts(this.natsUrl ?? this.publisher.program.natsUrl, this.read)) {
      this.read += 1;
      this.add(fact);
    }
  }

  private add({ id, type, data: { operation } }: ReadFact): void {
    if (this.ids.has(id)) throw new Error(`fact ${id} (${type}) was stored twice`);
    this.ids.add(id);
    if (operation === undefined) return;
    this.ofOperation.set(operation, [...(this.ofOperation.get(operation) ?? []), type]);
  }
}
