import { DockerRegistry } from '#testing/docker-registry';
import { describeWithPeers } from '#testing/peers';
import { Reader } from './documents/reader';

const TUTORIAL = 'tutorial/first-prune.md';
/** Each goes on from where the one before left. */
const PAGES = [
  'pull-images',
  'look-at-images',
  'name-images',
  'use-containers',
  'find-out-why',
  'remove-and-restore',
  'prune-on-a-schedule',
  'control-cleanup',
  'listen-to-events',
  'follow-an-operation',
  'read-dead-letters',
];

describeWithPeers('what the pages say to type, typed', ['docker-registry', 'skopeo', 'nats'], () => {
  let hub: DockerRegistry;
  const readers: Reader[] = [];
  let tutorial: Promise<unknown>;

  beforeAll(async () => {
    hub = await DockerRegistry.start();
    const [first, second] = await Promise.all([Reader.sitDown(hub), Reader.sitDown(hub), Reader.fill(hub)]);
    readers.push(first, second);
    // It waits for a minute to be over, and the other pages are read meanwhile.
    tutorial = readers[0]!.read(TUTORIAL).catch((error) => error);
  }, 120_000);

  afterAll(async () => {
    await Promise.all([...readers.map((reader) => reader.leave()), hub?.stop()]);
  }, 60_000);

  it.each(PAGES)(
    'how-to/%s.md',
    async (page) => {
      await expect(readers[1]!.read(`how-to/${page}.md`)).resolves.toBeUndefined();
    },
    120_000,
  );

  it(`${TUTORIAL}, and what one sees is what it shows`, async () => {
    expect(await tutorial).toBeUndefined();
  }, 240_000);
});
