import { describeWithPeers } from '#testing/peers';
import { Reader } from './documents/reader';

const TUTORIAL = 'tutorial/first-prune.md';

describeWithPeers('what the pages say to type, typed', ['docker-registry', 'skopeo', 'nats'], () => {
  const readers: Reader[] = [];
  let tutorial: Promise<unknown>;

  beforeAll(async () => {
    readers.push(...(await Promise.all([Reader.sitDown(), Reader.sitDown()])));
    // It waits for a minute to be over, and the other pages are read meanwhile.
    tutorial = readers[0]!.read(TUTORIAL).catch((error) => error);
  }, 120_000);

  afterAll(async () => {
    await Promise.all(readers.map((reader) => reader.leave()));
  }, 60_000);

  it(`${TUTORIAL}, and what one sees is what it shows`, async () => {
    expect(await tutorial).toBeUndefined();
  }, 240_000);
});
