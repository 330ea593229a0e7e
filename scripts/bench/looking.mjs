// What looking at a warehouse of a million blobs and half a million tags takes, over REST.
import { largeWarehouse, storeConfigs, withDatabase } from './large-warehouse.mjs';
import { askerOf, ms, percentile, timeEach } from './latency.mjs';
import { seconds } from './program.mjs';

const MOST = 300;
const WITHIN_MS = 500;
const AT_ONCE = 8;

/** Of what there is, some of each kind: no two questions in a row ask for the same. */
async function readSamples(entrepot) {
  return withDatabase(entrepot, async (client) => {
    const read = async (text) => (await client.query(text)).rows;
    const some = 'ORDER BY md5(digest) LIMIT 500';
    const samples = {
      tags: await read(`SELECT r.name AS repository, t.name, t.digest FROM tag t JOIN repository r ON r.id = repository_id
        WHERE t.repository_id > 4 ORDER BY md5(t.name || r.name) LIMIT 500`),
      crowded: await read('SELECT name FROM repository WHERE id <= 4'),
      repositories: await read(`SELECT name FROM repository WHERE id > 4 ORDER BY md5(name) LIMIT 500`),
      layers: await read(`SELECT digest FROM blob WHERE size > 1000000 ${some}`),
      bases: await read('SELECT digest FROM blob WHERE size BETWEEN 30000000 AND 33000000 ORDER BY size'),
      containers: await read('SELECT id, name, manifest FROM container ORDER BY md5(name) LIMIT 500'),
      moments: await read(`SELECT committed_at AS at, r.name AS repository, digest,
        (extract(epoch FROM committed_at) * 1000000)::bigint AS key FROM repository_manifest JOIN repository r ON r.id = repository_id
        WHERE repository_id > 4 ORDER BY md5(digest) LIMIT 500`),
    };
    const digests = [
      ...samples.tags.map(({ digest }) => digest),
      ...samples.containers.map(({ manifest }) => manifest),
    ];
    await storeConfigs(client, entrepot, [...new Set(digests)]);
    return samples;
  });
}

const query = (values) => new URLSearchParams(values).toString();

/** What is asked, the `at`th time. */
function questionsOf(host, { tags, crowded, repositories, layers, bases, containers, moments }) {
  const of = (rows, at) => rows[at % rows.length];
  const images = (values) => (at) => `/api/v1/images?${query(typeof values === 'function' ? values(at) : values)}`;
  // As a person names them: what has no upstream is this installation's.
  const named = (repository) => (repository.startsWith('docker.io/') ? repository : `${host}/${repository}`);
  const tag = (at) => `${named(of(tags, at).repository)}:${of(tags, at).name}`;
  return {
    images: images({}),
    'images, a page in the middle': images((at) => ({
      after: `~${of(moments, at).repository}@${of(moments, at).digest}`,
    })),
    'images, limit=1000': images({ limit: '1000' }),
    'images of a repository': images((at) => ({ repository: of(repositories, at).name })),
    'images of a pattern of repositories': images((at) => ({ repository: `docker.io/org${at % 200}/*` })),
    'images of a repository of 10,000': images((at) => ({ repository: of(crowded, at).name })),
    'images, tag=v7*': images({ tag: 'v7*' }),
    'images, a tag that one has': images((at) => ({ tag: of(tags, at).name })),
    'images, a tag that none has': images({ tag: 'nothing*' }),
    'images, a label that 2 % have': images((at) => ({ label: `team=t${at % 50}` })),
    'images, a label that nine have': images({ label: 'rare=yes' }),
    'images, a label that none has': images({ label: 'rare=no' }),
    'images, platform=linux/arm64': images({ platform: 'linux/arm64' }),
    'images, a platform that none has': images({ platform: 'linux/s390x' }),
    'images, dangling=true': images({ dangling: 'true' }),
    'images, inUse=true': images({ inUse: 'true' }),
    'images, inUse=false': images({ inUse: 'false' }),
    'images, of one day': images((at) => ({
      since: of(moments, at).at.toISOString(),
      before: new Date(of(moments, at).at.getTime() + 86_400_000).toISOString(),
    })),
    'images, before all that there are': images({ before: '2001-01-01T00:00:00Z' }),
    'images, sort=created': images({ sort: 'created' }),
    'images, sort=created, a page in the middle': images((at) => ({
      sort: 'created',
      after: `${of(moments, at).key}~${of(moments, at).repository}@${of(moments, at).digest}`,
    })),
    'images, sort=created, a label that none has': images({ sort: 'created', label: 'rare=no' }),
    'images, sort=created, dangling=true, inUse=true': images({ sort: 'created', dangling: 'true', inUse: 'true' }),
    'images of a repository, sort=size': images((at) => ({ repository: of(repositories, at).name, sort: 'size' })),
    'images of a repository, sort=pulled': images((at) => ({ repository: of(repositories, at).name, sort: 'pulled' })),
    'images of a repository, minSize': images((at) => ({
      repository: of(repositories, at).name,
      minSize: '100000000',
    })),
    'inspect by tag': (at) => `/api/v1/images/inspect?${query({ reference: tag(at) })}`,
    'inspect by digest': (at) => `/api/v1/images/inspect?${query({ reference: of(tags, at).digest })}`,
    'inspect by the beginning of an id': (at) =>
      `/api/v1/images/inspect?${query({ reference: of(tags, at).digest.slice(7, 23) })}`,
    usage: () => '/api/v1/usage',
    repositories: () => '/api/v1/repositories',
    'repositories that none fits': () => '/api/v1/repositories?name=*nothing*',
    'tags of a repository': (at) => `/api/v1/tags?${query({ repository: of(repositories, at).name })}`,
    'tags of a repository of 50,000': (at) =>
      `/api/v1/tags?${query({ repository: of(crowded, at).name, after: `v${at % 30}` })}`,
    'tags of a repository of 50,000 that none fits': (at) =>
      `/api/v1/tags?${query({ repository: of(crowded, at).name, name: '*nothing*' })}`,
    'history of a tag': (at) => `/api/v1/tags/history?${query({ reference: tag(at) })}`,
    'a blob': (at) => `/api/v1/blobs/${of(layers, at).digest}`,
    'a blob that 40,000 images share': (at) => `/api/v1/blobs/${of(bases, at % 3).digest}`,
    'layers/shared': (at) => `/api/v1/layers/shared?${query({ reference: tag(at) })}`,
    containers: () => '/api/v1/containers',
    'containers, state=exited': () => '/api/v1/containers?state=exited',
    'containers, a name that none has': () => '/api/v1/containers?name=nothing',
    'containers, a label that none has': () => '/api/v1/containers?label=rare=no',
    'containers of an image': (at) => `/api/v1/containers?${query({ image: tag(at) })}`,
    'a container': (at) => `/api/v1/containers/${of(containers, at).id}`,
    'why an image': (at) => `/api/v1/why?${query({ reference: tag(at) })}`,
    'why a layer': (at) => `/api/v1/why?${query({ reference: of(layers, at).digest })}`,
    'why a layer that 40,000 images share': (at) => `/api/v1/why?${query({ reference: of(bases, at % 3).digest })}`,
    operations: () => '/api/v1/operations',
    'operations, kind=prune: none': () => '/api/v1/operations?kind=prune',
  };
}

/** Usage is counted now and then; a store that was filled within a minute has not been. Gives what counting took. */
async function countUsage(entrepot) {
  return withDatabase(entrepot, async (client) => {
    const { rows: now } = await client.query('SELECT clock_timestamp() AS at');
    const asked = entrepot.ask('GET', '/api/v1/usage?fresh=true').catch(() => {});
    for (;;) {
      const { rows } = await client.query('SELECT took_ms FROM usage WHERE as_of >= $1', [now[0].at]);
      if (rows.length > 0) return asked.then(() => rows[0].took_ms);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  });
}

async function measureOne(one, eight, name, pathOf) {
  let asker = one;
  const act = async (at) => {
    const path = pathOf(at);
    const { status, text } = await asker.ask(path);
    if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
  };
  await act(0);
  const alone = await timeEach(act, { most: MOST, withinMs: WITHIN_MS });
  asker = eight;
  const together = await timeEach(act, { most: MOST, withinMs: WITHIN_MS, atOnce: AT_ONCE });
  return { name, alone, together };
}

export async function measure(say) {
  const { entrepot, fillMs } = await largeWarehouse(say);
  const [one, eight] = [askerOf(entrepot.url), askerOf(entrepot.url, AT_ONCE)];
  const rows = [];
  try {
    const countMs = await countUsage(entrepot);
    say(`usage counted in ${seconds(countMs)}`);
    const questions = questionsOf(entrepot.host, await readSamples(entrepot));
    for (const [name, pathOf] of Object.entries(questions)) {
      const { alone, together } = await measureOne(one, eight, name, pathOf);
      const cells = [alone, together].flatMap(({ took }) => [0.5, 0.99].map((part) => ms(percentile(took, part))));
      rows.push([name, ...cells, Math.round(together.perSecond).toLocaleString('en')]);
      say(rows.at(-1).join(' | '));
    }
    rows.push(['usage, counted anew', ms(countMs), '', '', '', '']);
  } finally {
    one.close();
    eight.close();
  }
  return {
    title: 'Looking at 1,000,000 blobs and 500,000 tags',
    columns: ['REST', 'p50, ms', 'p99, ms', '8 at once: p50', 'p99', 'a second'],
    rows,
    notes: [
      `Pages of 100. Of each, up to ${MOST} requests or ${WITHIN_MS} ms, each for other names than the one before; first by one asker, then by ${AT_ONCE} at once. 180,000 manifests, 20,000 of them indexes, in 3,000 repositories, four of which have 50,000 tags each; 20,000 containers; 100,000 operations. The rows were made in bulk, within ${seconds(fillMs)}.`,
    ],
  };
}
