import { AskedUpstream } from '../asked-upstream';
import { readImage } from '../client-read';
import { askFor, endsAs } from '../operations';
import type { Path, Walk } from '../path';
import type { PlaceName } from '../places';
import { untilGone } from '../stored-objects';
import type { Victim } from '../victim';
import { newImage, type VictimImage } from '../victim-image';

/** Asked for over HTTP, and again under the same key where no answer came. */
export async function pullWalk(victim: Victim, image: VictimImage = newImage(victim)): Promise<Walk> {
  const key = victim.newKey('pull');
  let asked: AskedUpstream | undefined;
  const pull = async () => {
    asked ??= new AskedUpstream(victim, image);
    await askFor(victim, 'pull', key, image.reference);
    await endsAs(victim, key);
  };
  return {
    run: () => pull().finally(() => asked?.died()),
    async ends() {
      await pull();
      asked?.check();
      await readImage(victim, image);
    },
  };
}

/** An image that is here whole. */
export async function pulledImage(victim: Victim): Promise<readonly [image: VictimImage, key: string]> {
  const [image, key] = [newImage(victim), victim.newKey('before')];
  await askFor(victim, 'pull', key, image.reference);
  await endsAs(victim, key);
  return [image, key];
}

/**
 * With every byte. In S3 a key that was put and whose row was not committed stays beside the others of its object
 * (nothing reconciles them yet), and goes with them: then nothing may be left.
 */
export async function removeWhole(victim: Victim, image: VictimImage, key: string): Promise<void> {
  await askFor(victim, 'remove', key, image.reference);
  await endsAs(victim, key);
  await untilGone(victim, image);
}

const pullOn = (name: string, place: PlaceName, owns: readonly string[]): Path => ({
  name,
  place,
  owns,
  prepare: (victim) => pullWalk(victim),
});

const BY_ANY_STORE = [
  'metadata.take-session',
  'metadata.commit-extent',
  'metadata.finish-session',
  'metadata.complete-pull',
];

export const pull = pullOn('a pull', 'folder', [
  'metadata.accept-operation',
  'metadata.commit-manifest',
  'metadata.resolve-operation',
  'blobs.fsync-extent',
  'messaging.publish-message',
  'metadata.remove-outbox-rows',
  ...BY_ANY_STORE,
]);

export const pullToS3: Path = {
  name: 'a pull to S3',
  place: 's3',
  owns: ['metadata.commit-manifest', 'blobs.put-extent', ...BY_ANY_STORE],
  async prepare(victim) {
    const [image, key] = [newImage(victim), victim.newKey('remove')];
    const { run, ends } = await pullWalk(victim, image);
    return {
      run,
      async ends() {
        await ends();
        await removeWhole(victim, image, key);
      },
    };
  },
};

/** Leases of the dead run out by Postgres' clock, and by nothing else. */
export const pullBesideOthers = pullOn('a pull on servers of others', 'shared servers', [
  'metadata.commit-manifest',
  'metadata.commit-extent',
  'metadata.finish-session',
  'metadata.complete-pull',
]);

/** What is here whole already is done in one commit, and nothing is downloaded. */
export const heldPull: Path = {
  name: 'a pull of what is here',
  place: 'folder',
  owns: ['metadata.complete-pull'],
  async prepare(victim) {
    const [image] = await pulledImage(victim);
    const { run, ends } = await pullWalk(victim, image);
    const given = () => victim.upstream.count('GET', image.layerUrl);
    const before = given();
    return {
      run,
      async ends() {
        await ends();
        if (given() !== before) throw new Error('the upstream was asked for a layer that is here');
      },
    };
  },
};
