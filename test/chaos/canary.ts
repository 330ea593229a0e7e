import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '#testing/random';
import { Client } from './client';
import type { Image } from './contents';
import type { Surroundings } from './lane';

const ONE_ANSWER_MS = 5_000;
const EVERY_MS = 50;
const WITHIN_MS = 180_000;

/** Asks whether all works again: how long that takes is what whoever uses it notices of a death. */
export class Canary {
  private readonly client: Client;
  private readonly random: Random;
  private made = 0;

  constructor(
    private readonly around: Surroundings,
    /** Here whole. */
    private readonly held: { readonly path: string; readonly image: Image },
  ) {
    this.client = new Client(around.stage, 'canary');
    this.random = Random.of(around.seed, 'canary');
  }

  /** Milliseconds since `since` until every gateway has given the manifest by its tag, and a blob. */
  async reads(since: number): Promise<number> {
    const { path, image } = this.held;
    const stored = `${this.around.upstream.domain.replace(':', '_')}/${path}`;
    const config = image.blobs[0]!;
    await Promise.all(
      this.around.stage.urls.flatMap((url) => [
        this.untilOk(`${url}/v2/${stored}/manifests/1`),
        this.untilOk(`${url}/v2/${stored}/blobs/${config.digest}`),
      ]),
    );
    return Date.now() - since;
  }

  /** Milliseconds since `since` until a pull by message has ended well. Throws Broken. */
  async works(since: number): Promise<number> {
    this.made += 1;
    const { contents, upstream } = this.around;
    const path = `canary/${this.made}`;
    contents.offer(path, '1', contents.make(this.random, path));
    const key = `canary-${this.made}`;
    await this.client.publish('pull', { reference: `${upstream.domain}/${path}:1` }, key);
    await this.client.endedByMessage('pull', key);
    return Date.now() - since;
  }

  private async untilOk(url: string): Promise<void> {
    const deadline = Date.now() + WITHIN_MS;
    for (;;) {
      const isOk = await fetch(url, { signal: AbortSignal.timeout(ONE_ANSWER_MS) })
        .then((answer) => answer.arrayBuffer().then(() => answer.ok))
        .catch(() => false);
      if (isOk) return;
      if (Date.now() > deadline) throw new Error(`not within ${WITHIN_MS / 1000} s: ${url}`);
      await delay(EVERY_MS);
    }
  }
}
