import type { ServerResponse } from 'node:http';
import type { Victim } from './victim';
import type { VictimImage } from './victim-image';

interface HeldLayer {
  /** Waits until the upstream is asked for it. Throws Died. */
  asked(): Promise<void>;
  /** Lets the rest of it come, from now on. */
  release(): void;
}

/** The upstream sends the headers of a layer and none of its bytes; to the first who asks, or to all, until it is released. */
export function holdLayer(victim: Victim, image: VictimImage, { once = false } = {}): HeldLayer {
  const held: (() => void)[] = [];
  const { upstream } = victim;
  const { bytes } = image;
  let isReleased = false;
  const hold = (_request: unknown, response: ServerResponse) => {
    if (isReleased) return false;
    response.writeHead(200, { 'content-length': bytes.length });
    response.flushHeaders();
    held.push(() => response.end(bytes));
    return true;
  };
  upstream.script('GET', image.layerUrl, hold, once ? 1 : Number.POSITIVE_INFINITY);
  return {
    asked: () => victim.until('the layer is asked for', async () => held.length > 0).then(() => undefined),
    release() {
      isReleased = true;
      for (const send of held.splice(0)) send();
    },
  };
}
