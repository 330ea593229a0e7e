import { setTimeout as delay } from 'node:timers/promises';
import type { OperationKind } from '#contracts/operation';
import { Random } from '#testing/random';
import type { ScriptedUpstream } from '#testing/scripted-upstream';
import { Broken, Client } from './client';
import type { Contents, Image } from './contents';
import { Ledger } from './ledger';
import type { Stage } from './stage';

/** Where a client's things are, and those that all clients pull. */
export interface Surroundings {
  readonly stage: Stage;
  readonly upstream: ScriptedUpstream;
  readonly contents: Contents;
  readonly seed: number;
  /** What many want at once, and nobody removes. */
  readonly popular: readonly { readonly path: string; readonly image: Image }[];
}

export interface Action {
  readonly label: string;
  run(lane: Lane): Promise<void>;
}

const NOT_SAID_AGAIN = 0.75;
const LONGEST_PAUSE_MS = 60;

/** One client: it does one thing after the other, to names that are its own, and writes down what it was told. */
export class Lane {
  readonly ledger = new Ledger();
  readonly client: Client;
  readonly random: Random;
  /** What it was told that breaks a promise. */
  fault: string | undefined;
  steps = 0;
  private keys = 0;

  constructor(
    readonly name: string,
    readonly around: Surroundings,
  ) {
    this.client = new Client(around.stage, name);
    this.random = Random.of(around.seed, name);
  }

  /** Goes on until it is told to end, or was told something that must not be. */
  async live(actions: readonly (readonly [weight: number, Action])[], signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { label, run } = this.random.weigh(actions);
      this.steps += 1;
      try {
        await run(this);
      } catch (error) {
        const what = error instanceof Broken ? error.message : String((error as Error).stack);
        this.fault = `${this.name}, step ${this.steps}, ${label}: ${what}`;
        return;
      }
      await delay(this.random.below(LONGEST_PAUSE_MS));
    }
  }

  /**
   * Has something done, over REST or by a message, and sometimes says it twice or says once more what was said long
   * ago: once is all that it may do. Throws Broken where it ends otherwise than it must.
   */
  async does(kind: OperationKind, body: object, expected: object = {}): Promise<Readonly<Record<string, unknown>>> {
    const key = this.newKey();
    const byMessage = this.random.chance(0.5);
    const times = this.random.chance(NOT_SAID_AGAIN) ? 1 : 2;
    if (byMessage) {
      for (let said = 0; said < times; said += 1) await this.client.publish(kind, body, key);
      if (this.random.chance(1 - NOT_SAID_AGAIN)) await this.sayOldAgain();
    }
    const operation = byMessage
      ? await this.client.endedByMessage(kind, key)
      : await this.client.request(kind, body, key, times);
    this.ledger.ended.push({ kind, key, body, operation, byMessage });
    const { state, error, outcome } = operation;
    const words = `${kind} ${JSON.stringify(body)} (${operation.id}) is ${state}`;
    if (state !== 'completed') throw new Broken(`${words}: ${JSON.stringify(error)}`);
    for (const [field, value] of Object.entries(expected)) {
      const said = outcome?.[field];
      if (JSON.stringify(said) !== JSON.stringify(value))
        throw new Broken(`${words}, and its ${field} is ${JSON.stringify(said)}, not ${JSON.stringify(value)}`);
    }
    return outcome ?? {};
  }

  /** A repository at the upstream: as a pull names it, and as it is named here. */
  upstreamRepository(path: string): { readonly reference: string; readonly stored: string } {
    const { domain } = this.around.upstream;
    return { reference: `${domain}/${path}`, stored: `${domain.replace(':', '_')}/${path}` };
  }

  /** As one types a local name. */
  typed(stored: string): string {
    const { domain } = this.around.upstream;
    const own = domain.replace(':', '_');
    if (stored.startsWith(`${own}/`)) return `${domain}${stored.slice(own.length)}`;
    return `${this.around.stage.warehouse.host}/${stored}`;
  }

  isLocal(stored: string): boolean {
    return !stored.startsWith(this.around.upstream.domain.replace(':', '_'));
  }

  /** A manifest and all its blobs, byte for byte, as a client pulls them. */
  async reads(stored: string, tag: string, image: Image): Promise<void> {
    await this.client.read(`/v2/${stored}/manifests/${tag}`, image.digest);
    await Promise.all(
      image.blobs.map(async ({ digest, size }) => {
        const { length } = await this.client.read(`/v2/${stored}/blobs/${digest}`, digest);
        if (length !== size) throw new Broken(`${digest} has ${length} bytes, and was to have ${size}`);
        this.ledger.bytesRead += length;
      }),
    );
    this.ledger.reads += 1;
  }

  newKey(): string {
    this.keys += 1;
    return `${this.name}-${this.keys}`;
  }

  private async sayOldAgain(): Promise<void> {
    const old = this.ledger.ended.filter(({ byMessage }) => byMessage);
    if (old.length === 0) return;
    const { kind, body, key } = this.random.pick(old);
    await this.client.publish(kind, body, key);
  }
}

/** `repository:tag` in its two parts. */
export function parts(name: string): { readonly repository: string; readonly tag: string } {
  const colon = name.lastIndexOf(':');
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}
