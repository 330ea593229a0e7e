import { imageManifest, someBytes } from '#testing/image-parts';
import { ScriptedUpstream } from '#testing/scripted-upstream';
import { waitUntil } from '#testing/wait-until';
import { WorkerWorld } from '#testing/worker-world';
import { FetcherConfigSchema } from './fetcher.config';
import { FetcherModule } from './fetcher.module';

const SETTINGS = {
  ENTREPOT_HOST_PLATFORM: 'linux/amd64',
  ENTREPOT_HOSTS: 'localhost:5050,127.0.0.1:5050',
  ENTREPOT_FETCH_PROGRESS_MS: '20',
  ENTREPOT_FETCH_SWEEP_MS: '50',
  ENTREPOT_FETCH_RENEW_MS: '50',
};
const config = FetcherConfigSchema.parse(SETTINGS);

let upstream: ScriptedUpstream;
let world: WorkerWorld;

beforeEach(async () => {
  upstream = await ScriptedUpstream.start();
  world = new WorkerWorld();
});

afterEach(async () => {
  await world.stop();
  await upstream.stop();
});

it('a pull ends completed with its tag, its manifest and every blob, each byte asked for once', async () => {
  const [config1, layer] = [someBytes(300), someBytes(3 * 1024 * 1024)];
  upstream.addBlob(config1);
  upstream.addBlob(layer);
  const digest = upstream.addManifest('library/node', '20', imageManifest(config1, layer));
  await world.start(FetcherModule.with(config));
  const operation = world.book.accept({ reference: `${upstream.domain}/library/node:20` });
  await waitUntil('the end', () => operation.state === 'completed');
  const repository = `127.0.0.1_${upstream.port}/library/node`;
  expect(operation.outcome).toEqual({
    repository,
    tag: '20',
    digest,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    size: 300 + layer.byteLength,
  });
  expect(world.book.tags.get(`${repository} 20`)?.digest).toBe(digest);
  expect([...world.book.blobs.values()].map((blob) => blob.byteLength).sort()).toEqual([300, layer.byteLength]);
  expect(upstream.bodyBytes).toBe(300 + layer.byteLength);
});
