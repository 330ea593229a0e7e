import { askFor, endsAs } from '../operations';
import type { Path } from '../path';
import { untilGone } from '../stored-objects';
import { newImage } from '../victim-image';

/** In each life: wrong bytes are fetched once more, and not again. */
const TRIES = 2;

export const wrongBytes: Path = {
  name: 'a pull of bytes that are not what was promised',
  place: 'folder',
  owns: ['metadata.abort-session', 'metadata.fail-fill', 'metadata.fail-operation'],
  async prepare(victim) {
    const [image, key] = [newImage(victim), victim.newKey('wrong')];
    const other = Buffer.from(image.bytes).reverse();
    victim.upstream.script('GET', image.layerUrl, (_request, response) =>
      response.writeHead(200, { 'content-length': other.length }).end(other),
    );
    const { life } = victim;
    const run = async () => {
      await askFor(victim, 'pull', key, image.reference);
      const { error } = await endsAs(victim, key, 'failed');
      if (error?.code !== 'DIGEST_INVALID') throw new Error(`it failed for another reason: ${JSON.stringify(error)}`);
    };
    const ends = async () => {
      await run();
      await untilGone(victim, image);
      const asked = victim.upstream.count('GET', image.layerUrl);
      if (asked > TRIES * victim.mayAsk(life)) throw new Error(`the upstream was asked ${asked} times`);
    };
    return { run, ends };
  },
};
