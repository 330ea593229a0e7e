import { HttpPeer, PeerFault } from '../http-peer';
import type { Runtime, SeenContainer } from '../runtime';
import type { Engine } from './find-engine';
import { EngineContainersSchema, EngineImageSchema, InfoSchema, toSeen } from './read-engine';

/** Health checks make events too, of other names. */
const EVENTS = ['create', 'start', 'restart', 'die', 'pause', 'unpause', 'rename', 'destroy'];
const FILTERS = encodeURIComponent(JSON.stringify({ type: ['container'], event: EVENTS }));
/** Timers have no longer time. */
const FOR_EVER_MS = 2 ** 31 - 1;
const AT_ONCE = 4;

/** A Docker engine, or one that speaks its API, unversioned: what is read is the same in all of them. */
export class DockerRuntime implements Runtime {
  readonly title: string;
  private readonly engine: HttpPeer;

  constructor(engine: Engine) {
    this.title = `the engine at ${engine.address}`;
    this.engine = new HttpPeer(this.title, () => engine.way());
  }

  async holder(signal: AbortSignal): Promise<string> {
    const { ID } = await this.engine.json(InfoSchema, '/info', { signal });
    return `docker:${ID}`.slice(0, 128);
  }

  async *changes(signal: AbortSignal): AsyncGenerator<void> {
    const events = await this.engine.lines(`/events?filters=${FILTERS}`, { signal, withinMs: FOR_EVER_MS });
    yield;
    for await (const _ of events) yield;
    throw new PeerFault(`${this.title} says no more events`);
  }

  async look(signal: AbortSignal): Promise<SeenContainer[]> {
    const containers = await this.engine.json(EngineContainersSchema, '/containers/json?all=1', { signal });
    const images = [...new Set(containers.map(({ ImageID }) => ImageID))];
    const digests = new Map<string, readonly string[]>();
    const readNext = async () => {
      for (let id = images.pop(); id !== undefined; id = images.pop())
        digests.set(id, await this.digestsOf(id, signal));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, readNext));
    return containers.map((container) => toSeen(container, digests.get(container.ImageID) ?? []));
  }

  /** None of an image that was removed by force while its container stays. */
  private async digestsOf(image: string, signal: AbortSignal): Promise<readonly string[]> {
    if (image === '') return [];
    try {
      const path = `/images/${encodeURIComponent(image)}/json`;
      return (await this.engine.json(EngineImageSchema, path, { signal })).RepoDigests ?? [];
    } catch (error) {
      if (error instanceof PeerFault && error.status === 404) return [];
      throw error;
    }
  }
}
