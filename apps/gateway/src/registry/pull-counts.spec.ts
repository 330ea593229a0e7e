import { FindManifests, ReadManifest, ResolveTags } from '#contracts/calls/manifests';
import { RecordPulls } from '#contracts/calls/pulls';
import { digestOf } from '#oci/digest';
import { OCI_INDEX, OCI_MANIFEST } from '#oci/media-type';
import { unavailable } from '#oci/registry-error';
import { parseRepositoryName } from '#oci/repository-name';
import { askRaw } from '#testing/raw-http';
import { waitUntil } from '#testing/wait-until';
import { TestGateway } from '../gateway.testing';
import { PullCounts } from './pull-counts';

const index = Buffer.from('{"index":1}');
const child = Buffer.from('{"child":1}');
const held = new Map([index, child].map((bytes) => [digestOf(bytes), bytes]));
const team = parseRepositoryName('team/app');

let gateway: TestGateway;
const pull = (reference: string, method = 'GET', headers: Record<string, string> = {}) =>
  askRaw(gateway.port, `/v2/${team}/manifests/${reference}`, { method, headers });
const said = () =>
  gateway.calls
    .questions(RecordPulls)
    .flatMap(({ pulls }) => pulls.map(({ repository, digest, count }) => ({ repository, digest, count })));

async function start(settings: Record<string, string> = {}): Promise<void> {
  gateway = await TestGateway.start({ ENTREPOT_PULL_COUNT_MS: '86400000', ...settings });
  gateway.calls
    .on(RecordPulls, () => ({}))
    .on(ResolveTags, ({ tags }) => ({
      manifests: tags.map(({ tag }) =>
        tag === 'latest' ? { digest: digestOf(index), mediaType: OCI_INDEX, size: index.length, ageMs: null } : null,
      ),
    }))
    .on(FindManifests, ({ manifests }) => ({
      manifests: manifests.map(({ digest }) => {
        const bytes = held.get(digest);
        return bytes ? { mediaType: OCI_MANIFEST, size: bytes.length } : null;
      }),
    }))
    .on(ReadManifest, ({ digest }) => {
      const bytes = held.get(digest);
      return bytes ? { found: true, mediaType: OCI_MANIFEST, bytes } : { found: false };
    });
}

test('what was given is counted, by tag and by digest, and said before the gateway has ended', async () => {
  await start();
  for (const reference of ['latest', digestOf(index), digestOf(child)])
    expect((await pull(reference)).status).toBe(200);
  expect(said()).toEqual([]);
  await gateway.stop();
  expect(said()).toEqual([
    { repository: team, digest: digestOf(index), count: 2 },
    { repository: team, digest: digestOf(child), count: 1 },
  ]);
});

test('what was only asked about, is held by the client, or is not there is no pull', async () => {
  await start();
  expect((await pull('latest', 'HEAD')).status).toBe(200);
  expect((await pull('latest', 'GET', { 'If-None-Match': '*' })).status).toBe(304);
  expect((await pull('nothing')).status).toBe(404);
  await gateway.stop();
  expect(said()).toEqual([]);
});

test('it is said again and again, each pull once, and how long ago the last one was', async () => {
  await start({ ENTREPOT_PULL_COUNT_MS: '20' });
  try {
    for (let times = 1; times <= 3; times++) {
      await pull('latest');
      await waitUntil('the pull is said', () => said().length === times);
    }
  } finally {
    await gateway.stop();
  }
  expect(said().map(({ count }) => count)).toEqual([1, 1, 1]);
  for (const { pulls } of gateway.calls.questions(RecordPulls)) {
    expect(pulls[0]!.lastMsAgo).toBeGreaterThanOrEqual(0);
    expect(pulls[0]!.lastMsAgo).toBeLessThan(10_000);
  }
});

test('metadata that cannot be told costs counts, and no request', async () => {
  await start({ ENTREPOT_PULL_COUNT_MS: '20' });
  let isAway = true;
  gateway.calls.on(RecordPulls, () => {
    if (isAway) throw unavailable('metadata');
    return {};
  });
  try {
    await pull('latest');
    await waitUntil('it is tried', () => said().length === 1);
    isAway = false;
    expect((await pull(digestOf(child))).status).toBe(200);
    await waitUntil('the next one is said', () => said().length === 2);
  } finally {
    await gateway.stop();
  }
  expect(said().at(-1)).toEqual({ repository: team, digest: digestOf(child), count: 1 });
});

test('many manifests are said at once before their time, and never more than metadata takes', async () => {
  await start();
  const manifests = Array.from({ length: 1000 }, (_, at) => Buffer.from(`{"n":${at}}`));
  for (const bytes of manifests) held.set(digestOf(bytes), bytes);
  try {
    for (const bytes of manifests) await pull(digestOf(bytes));
    await waitUntil('they are said', () => said().length === 1000);
  } finally {
    await gateway.stop();
  }
  expect(gateway.calls.questions(RecordPulls)).toHaveLength(1);
});

test('while metadata hangs, what is kept is bounded', async () => {
  await start();
  let isFirst = true;
  let answer = () => {};
  gateway.calls.on(RecordPulls, () => {
    if (!isFirst) return {};
    isFirst = false;
    return new Promise((resolve) => {
      answer = () => resolve({});
    });
  });
  const counts = gateway.nest.get(PullCounts);
  for (let at = 0; at < 12_500; at++) counts.count(team, digestOf(Buffer.from(String(at))));
  answer();
  await gateway.stop();
  expect(said()).toHaveLength(11_000);
});
