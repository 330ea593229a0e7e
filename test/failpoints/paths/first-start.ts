import { join } from 'node:path';
import type { Schedule } from '#contracts/calls/schedules';
import type { Settings } from '#testing/entrepot';
import { HOUSE } from '#testing/house';
import { readImage } from '../client-read';
import { askFor, endsAs } from '../operations';
import type { Path } from '../path';
import type { PlaceName } from '../places';
import { newImage } from '../victim-image';

/** From an empty folder to an image that was pulled. */
const firstStartOn = (name: string, place: PlaceName, owns: readonly string[], settings: Settings = {}): Path => ({
  name,
  place,
  isFirstStart: true,
  owns,
  settings,
  async prepare(victim) {
    const [image, key] = [newImage(victim), victim.newKey('pull')];
    const run = async () => {
      await askFor(victim, 'pull', key, image.reference);
      await endsAs(victim, key);
    };
    const ends = async () => {
      await run();
      await readImage(victim, image);
      const { json } = await victim.ask('GET', '/api/v1/schedules');
      const names = (json as Schedule[]).map((schedule) => `${schedule.name}: ${schedule.source}`).join();
      const expected = 'ENTREPOT_SCHEDULES' in settings ? 'dangling: configuration,nightly: configuration' : '';
      if (names !== expected) throw new Error(`its schedules are not those of its file: ${names}`);
    };
    return { run, ends };
  },
});

export const firstStart = firstStartOn(
  'a first start',
  'folder',
  ['standalone.write-format', 'standalone.write-secrets', 'metadata.apply-schedules'],
  { ENTREPOT_SCHEDULES: join(HOUSE, 'examples', 'schedules.yaml') },
);

export const firstStartOnS3 = firstStartOn('a first start on S3', 's3', ['blobs.make-bucket']);
