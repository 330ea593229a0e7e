import { readImage } from '../client-read';
import { askFor, endsAs } from '../operations';
import type { Path } from '../path';
import type { PlaceName } from '../places';
import { newImage } from '../victim-image';

/** From an empty folder to an image that was pulled. */
const firstStartOn = (name: string, place: PlaceName, owns: readonly string[]): Path => ({
  name,
  place,
  isFirstStart: true,
  owns,
  async prepare(victim) {
    const [image, key] = [newImage(victim), victim.newKey('pull')];
    const run = async () => {
      await askFor(victim, 'pull', key, image.reference);
      await endsAs(victim, key);
    };
    const ends = async () => {
      await run();
      await readImage(victim, image);
    };
    return { run, ends };
  },
});

export const firstStart = firstStartOn('a first start', 'folder', [
  'standalone.write-format',
  'standalone.write-secrets',
]);

export const firstStartOnS3 = firstStartOn('a first start on S3', 's3', ['blobs.make-bucket']);
