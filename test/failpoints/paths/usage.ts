import type { Path } from '../path';
import { pulledImage } from './pull';

interface Usage {
  readonly bytes: number;
  readonly images: { readonly count: number; readonly bytes: number };
}

/** What the store holds is counted whole, or as it was counted before. */
export const usage: Path = {
  name: 'a count of what the store holds',
  place: 'folder',
  owns: ['metadata.count-usage'],
  async prepare(victim) {
    await pulledImage(victim);
    const run = async () => {
      const { status, json } = await victim.ask('GET', '/api/v1/usage?fresh');
      const { bytes, images } = json as Usage;
      if (status !== 200 || images.count === 0 || bytes < images.bytes) {
        throw new Error(`the store is counted wrongly: ${status} ${JSON.stringify(json)}`);
      }
    };
    return { run, ends: run };
  },
};
