import { digestOf } from '../sample-answers.testing';
import { problem, ScriptedWarehouse } from '../scripted-warehouse.testing';

const AT = '2026-01-31T12:00:00.000Z';
const layer = digestOf('layer');
const [manifest, index] = [digestOf('manifest'), digestOf('index')];
const images = [
  { repository: 'docker.io/library/node', tags: ['22', 'latest'], index },
  { repository: 'team/app', tags: [], index: null },
];
const blob = {
  digest: layer,
  size: 2_000_000,
  state: 'held',
  storedAt: AT,
  goesAt: null,
  repositories: [{ repository: 'docker.io/library/node', since: AT, upstream: 'docker.io' }],
  repositoriesMore: true,
  manifests: [{ digest: manifest, role: 'layer', mediaType: 'x', holds: true, images }],
  manifestsMore: false,
  keptBy: [
    { kind: 'manifest', digest: manifest },
    { kind: 'pin', repository: 'team/app', until: AT },
    { kind: 'reader', until: AT },
  ],
  keptByMore: false,
  reviewAt: null,
};
const sharing = { digest: manifest, layers: [{ digest: layer, size: 2_000_000 }], bytes: 2_000_000, images };

describe('what refers to what', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

  const ours = () => `${warehouse.host}/team/app@${manifest}`;

  it('a blob is told with what lists it and what keeps it; an image is named as one types it', async () => {
    warehouse.on(`GET /api/v1/blobs/${encodeURIComponent(layer)}`, { json: blob });
    const { code, out } = await warehouse.run(['blobs', 'inspect', layer]);
    expect(code).toBe(0);
    const id = manifest.slice(7, 19);
    for (const line of [
      `Blob:       ${layer}`,
      'Size:       2.00 MB',
      'State:      held',
      '            … and others',
      `Listed by:  manifest ${id} as its layer, which holds it: docker.io/library/node:22, docker.io/library/node:latest, ${ours()}`,
      `Kept by:    manifest ${id}`,
    ])
      expect(out).toContain(`${line}\n`);
    expect(out).toMatch(/the promise that it exists in team\/app, which ends .* ago\n/);
    expect(out).toMatch(/somebody who reads it, which ends .* ago\n/);
    expect(out).not.toContain('Goes');
    const named = await warehouse.run(['blobs', 'inspect', layer, '-o', 'name']);
    expect(named.out).toBe(`docker.io/library/node:22\ndocker.io/library/node:latest\n${ours()}\n`);
    expect(JSON.parse((await warehouse.run(['blobs', 'inspect', layer, '-o', 'json'])).out)).toEqual(blob);
  });

  it('a blob that nobody knows is exit code 3, and what is no digest 2', async () => {
    warehouse.on('GET /api/v1/blobs/x', problem(400, 'INVALID', 'digest: must be', { field: 'digest' }));
    expect(await warehouse.run(['blobs', 'inspect', 'x'])).toMatchObject({ code: 2, out: '' });
    expect(await warehouse.run(['blobs', 'inspect', layer])).toMatchObject({ code: 3, out: '' });
  });

  it('images that share layers are listed, all pages of them', async () => {
    const page = { image: { repository: 'r', digest: index }, layerBytes: 1, sharedBytes: 1, layers: [] };
    const next = { link: '</api/v1/layers/shared?reference=x&after=n>; rel="next"' };
    warehouse.on(
      'GET /api/v1/layers/shared',
      { json: { ...page, sharing: [sharing] }, headers: next },
      { json: { ...page, sharing: [{ ...sharing, images: [] }] } },
    );
    const { code, out } = await warehouse.run(['layers', 'shared', 'node:22']);
    expect(code).toBe(0);
    const id = manifest.slice(7, 19);
    expect(out).toBe(
      [
        'MANIFEST      LAYERS   SHARED  IMAGES',
        `${id}       1  2.00 MB  docker.io/library/node:22, docker.io/library/node:latest, ${ours()}`,
        `${id}       1  2.00 MB`,
        '',
      ].join('\n'),
    );
    expect(warehouse.asked[0]!.query).toMatchObject({ reference: 'node:22' });
    expect(warehouse.asked[1]!.query).toMatchObject({ after: 'n' });
  });
});
