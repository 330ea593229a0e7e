import type { ScriptedImage } from '#testing/scripted-image';
import type { RecordedRequest } from '#testing/scripted-upstream';
import { EXTENT_BYTES } from './quick-settings';
import type { Said, Victim } from './victim';

const COMMITTED = 'metadata.commit-extent:after';
const FINISHED = 'metadata.finish-session:after';
/** Besides its one layer an image has a config. */
const BLOBS = 2;

/** What the upstream was asked for an image's layer: once, and after a death for what was not committed. */
export class AskedUpstream {
  private readonly firstLife: number;
  private readonly since: Said;
  /** Of the layer, when the first life ended: where the next one is to go on at the least, in bytes. */
  private storedBytes = 0;
  private isWhole = false;
  private askedBefore = 0;

  /** Made when the first life is about to ask. */
  constructor(
    private readonly victim: Victim,
    private readonly image: ScriptedImage,
  ) {
    this.firstLife = victim.life;
    this.since = victim.said;
  }

  /** The life that asks is over. */
  died(): void {
    if (this.victim.life !== this.firstLife) return;
    const passed = this.victim.passed(this.since);
    this.storedBytes = Math.max(0, (passed.get(COMMITTED) ?? 0) - (BLOBS - 1)) * EXTENT_BYTES;
    this.isWhole = passed.get(FINISHED) === BLOBS;
    this.askedBefore = this.asked().length;
  }

  /** Throws where a life asked twice, or for what was committed. */
  check(): void {
    const lives = this.victim.life - this.firstLife + 1;
    const asked = this.asked();
    // Whoever outlives a death may ask more than once while the other is away.
    if (this.victim.program.diesWhole && asked.length > lives)
      throw new Error(`${lives} lives asked for the layer ${asked.length} times`);
    for (const { headers } of lives > 1 ? asked.slice(this.askedBefore) : []) {
      const from = Number(/^bytes=(\d+)-/.exec(headers.range ?? '')?.[1] ?? 0);
      if (this.isWhole || from < this.storedBytes) {
        const stored = this.isWhole ? 'the whole layer' : `${this.storedBytes} bytes`;
        throw new Error(`${stored} had been committed, and was asked for again from byte ${from} on`);
      }
    }
  }

  private asked(): RecordedRequest[] {
    const { requests } = this.victim.upstream;
    return requests.filter(({ method, url }) => method === 'GET' && this.image.layerUrl.test(url));
  }
}
