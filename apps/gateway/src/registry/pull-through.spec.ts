import { FetchManifest } from '#contracts/calls/fetching';
import { FindManifests, ReadManifest, ResolveTags } from '#contracts/calls/manifests';
import { digestOf } from '#oci/digest';
import { OCI_INDEX } from '#oci/media-type';
import { type ErrorCode, RegistryError } from '#oci/registry-error';
import { eventually } from '#testing/eventually';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';

const older = Buffer.from('{"older":1}');
const newer = Buffer.from('{"newer":1}');
const TTL_MS = 1000;

let gateway: TestGateway;
/** What metadata holds: manifests by digest, and the tag. */
let held: Map<string, Buffer>;
let tag: { digest: string; ageMs: number | null } | null;
/** What the upstream has; or how it fails. */
let upstream: () => Buffer | Promise<Buffer>;

beforeAll(async () => {
  gateway = await TestGateway.start({ ENTREPOT_TAG_TTL_MS: String(TTL_MS), ENTREPOT_REVALIDATE_MS: '200' });
});
afterAll(() => gateway.stop());

beforeEach(() => {
  held = new Map();
  tag = null;
  upstream = () => newer;
  gateway.calls.asked.length = 0;
  gateway.calls
    .on(ResolveTags, ({ tags }) => ({
      manifests: tags.map(() => tag && { ...tag, mediaType: OCI_INDEX, size: held.get(tag.digest)!.length }),
    }))
    .on(ReadManifest, ({ digest }) => {
      const bytes = held.get(digest);
      return bytes ? { found: true, mediaType: OCI_INDEX, bytes } : { found: false };
    })
    .on(FindManifests, ({ manifests }) => ({
      manifests: manifests.map(({ digest }) => {
        const bytes = held.get(digest);
        return bytes ? { mediaType: OCI_INDEX, size: bytes.length } : null;
      }),
    }))
    .on(FetchManifest, async () => {
      const bytes = await upstream();
      return { digest: commit(bytes), mediaType: OCI_INDEX, size: bytes.length };
    });
});

function commit(bytes: Buffer): string {
  held.set(digestOf(bytes), bytes);
  return digestOf(bytes);
}
const pull = (reference: string, name = 'docker.io/library/node') =>
  askRaw(gateway.port, `/v2/${name}/manifests/${reference}`);
const fails = (code: ErrorCode) => () => {
  throw new RegistryError(code, `the upstream: ${code}`);
};

test('an unknown tag of an upstream is fetched, then answered', async () => {
  expect((await pull('22')).body).toEqual(newer);
  expect(gateway.calls.questions(FetchManifest)).toEqual([
    { repository: 'docker.io/library/node', reference: { tag: '22' }, hops: [] },
  ]);
});

test('an unknown digest of an upstream is fetched, then answered', async () => {
  const digest = digestOf(newer);
  expect((await pull(digest)).body).toEqual(newer);
  expect(gateway.calls.questions(FetchManifest)).toMatchObject([{ reference: { digest } }]);
});

test('a digest that is held never asks the upstream, however old it is', async () => {
  upstream = fails('UNAVAILABLE');
  const digest = commit(older);
  for (let times = 0; times < 3; times++) expect((await pull(digest)).body).toEqual(older);
  expect(gateway.calls.questions(FetchManifest)).toEqual([]);
});

test('a manifest that left the repository is not answered from memory', async () => {
  const digest = commit(older);
  expect((await pull(digest, 'team/app')).status).toBe(200);
  held.clear();
  expect((await pull(digest, 'team/app')).status).toBe(404);
});

test.each([TTL_MS, null])('a tag that is fresh enough (%s ms) is served without asking', async (ageMs) => {
  tag = { digest: commit(older), ageMs };
  const answer = await pull('22');
  expect(answer.body).toEqual(older);
  expect(answer.headers.warning).toBeUndefined();
  expect(gateway.calls.questions(FetchManifest)).toEqual([]);
});

test('a tag past its time is asked for again, and what it names now is answered', async () => {
  tag = { digest: commit(older), ageMs: TTL_MS + 1 };
  expect((await pull('22')).body).toEqual(newer);
});

test('a local tag of any age asks nobody', async () => {
  tag = { digest: commit(older), ageMs: TTL_MS * 1000 };
  expect((await pull('22', 'team/app')).body).toEqual(older);
  expect(gateway.calls.questions(FetchManifest)).toEqual([]);
});

test.each(['UNAVAILABLE', 'TOOMANYREQUESTS', 'TIMEOUT', 'UPSTREAM', 'INTERNAL'] as const)(
  'an upstream that answers %s leaves what is held, and it is said',
  async (code) => {
    upstream = fails(code);
    tag = { digest: commit(older), ageMs: 90_500 };
    const { status, body, headers } = await pull('22');
    expect({ status, body, age: headers.age }).toEqual({ status: 200, body: older, age: '90' });
    expect(headers.warning).toMatch(/^110 /);
  },
);

test.each([
  ['MANIFEST_UNKNOWN', 404],
  ['DENIED', 403],
  ['UNAUTHORIZED', 403],
] as const)('what the upstream says of the tag itself is answered although one is held: %s', async (code, status) => {
  upstream = fails(code);
  tag = { digest: commit(older), ageMs: TTL_MS + 1 };
  expect((await pull('22')).status).toBe(status);
});

test('an upstream that is slow holds nobody up for what is held, and is waited for by nobody in vain', async () => {
  let answer!: (bytes: Buffer) => void;
  upstream = () =>
    new Promise((resolve) => {
      answer = resolve;
    });
  tag = { digest: commit(older), ageMs: TTL_MS + 1 };
  const stale = await pull('22');
  expect(stale.body).toEqual(older);
  expect(stale.headers.warning).toMatch(/^110 /);
  answer(newer);
  await new Promise(setImmediate);
  expect(held.has(digestOf(newer))).toBe(true);
});

test('nothing held, and an upstream that is down, is 503 and not 404', async () => {
  upstream = fails('UNAVAILABLE');
  expect((await pull('22')).status).toBe(503);
});

test('?ns= names the upstream of a name without a domain', async () => {
  await askRaw(gateway.port, '/v2/library/node/manifests/22?ns=docker.io');
  expect(gateway.calls.questions(FetchManifest)).toMatchObject([{ repository: 'docker.io/library/node' }]);
});

test('the upstream is told through whom the question came, so that two of us never ask each other in a circle', async () => {
  const headers = { 'Entrepot-Hops': '0123456789abcdef, fedcba9876543210, no-hop' };
  await askRaw(gateway.port, '/v2/docker.io/library/node/manifests/22', { headers });
  expect(gateway.calls.questions(FetchManifest)).toMatchObject([{ hops: ['0123456789abcdef', 'fedcba9876543210'] }]);
});

test.each(['GET', 'HEAD'])('what was just fetched is pinned before it is answered: %s', async (method) => {
  const { status } = await askRaw(gateway.port, '/v2/docker.io/library/node/manifests/22', { method });
  expect(status).toBe(200);
  expect(gateway.calls.asked.map(({ name }) => name).slice(0, 3)).toEqual([
    'metadata.resolve-tags',
    'fetcher.fetch-manifest',
    'metadata.find-manifests',
  ]);
});

test('a HEAD by digest moves no bytes, and a second GET none again', async () => {
  const digest = commit(older);
  const { headers } = await askRaw(gateway.port, `/v2/team/heads/manifests/${digest}`, { method: 'HEAD' });
  expect(headers['content-length']).toBe(String(older.length));
  expect(gateway.calls.questions(ReadManifest)).toEqual([]);
  for (let times = 0; times < 3; times++) expect((await pull(digest, 'team/heads')).body).toEqual(older);
  expect(gateway.calls.questions(ReadManifest)).toHaveLength(1);
  expect(gateway.calls.questions(FindManifests)).toHaveLength(4);
});

test('many who ask for digests at once cost few questions', async () => {
  const digests = [commit(older), commit(newer)];
  let answerFirst = () => {};
  const first = new Promise<void>((resolve) => {
    answerFirst = resolve;
  });
  const shown = digests.map((digest) => ({ digest, mediaType: OCI_INDEX, size: held.get(digest)!.length }));
  gateway.calls.on(FindManifests, async ({ manifests }) => {
    await first;
    return { manifests: manifests.map(({ digest }) => shown.find((each) => each.digest === digest) ?? null) };
  });
  const pulls = Array.from({ length: 40 }, (_, at) => pull(digests[at % 2]!, 'team/app'));
  await eventually('all have come', async () =>
    /in_flight_requests 41\b/.test((await askRaw(gateway.port, '/metrics')).text),
  );
  answerFirst();
  for (const { status } of await Promise.all(pulls)) expect(status).toBe(200);
  expect(gateway.calls.questions(FindManifests).length).toBeLessThanOrEqual(2);
});
