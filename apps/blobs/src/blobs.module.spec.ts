import { Test } from '@nestjs/testing';
import { BytePlane } from '#calls/byte-plane';
import { Calls } from '#calls/calls';
import { LinksModule } from '#calls/links.module';
import { ConfigError, loadConfig } from '#config/load-config';
import { ListStored } from '#contracts/calls/blobs';
import type { Bus } from '#messaging/bus';
import { BusModule } from '#messaging/bus.module';
import { MemoryBus } from '#testing/memory-bus';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { BlobsConfigSchema } from './blobs.config';
import { BlobsModule } from './blobs.module';
import { LocalBytePlane } from './local-byte-plane';

test('the module answers its calls and serves its bytes, and gives its folder back', async () => {
  const folder = await tempFolder('module');
  for (let round = 0; round < 2; round += 1) {
    const config = loadConfig(BlobsConfigSchema, { ENTREPOT_STORE_FOLDER: folder });
    const bus = BusModule.of(new MemoryBus() as unknown as Bus);
    const imports = [LinksModule.inProcess(Buffer.alloc(32)), bus, BlobsModule.with(config)];
    const app = await (await Test.createTestingModule({ imports }).compile()).init();
    expect(app.get(LocalBytePlane)).toBeInstanceOf(BytePlane);
    expect(await app.get(Calls).ask(ListStored, { limit: 9 })).toEqual({ stored: [], next: null });
    await expect(app.get(BytePlane).read('', 'x')).rejects.toMatchObject({ code: 'DENIED' });
    await app.close();
  }
  await removeFolder(folder);
});

test('minio needs its keys', () => {
  expect(() => loadConfig(BlobsConfigSchema, { ENTREPOT_STORE: 'minio' })).toThrow(ConfigError);
  const keys = { ENTREPOT_S3_ACCESS_KEY: 'a', ENTREPOT_S3_SECRET_KEY: 'b' };
  expect(loadConfig(BlobsConfigSchema, { ENTREPOT_STORE: 'minio', ...keys }).ENTREPOT_STORE).toBe('minio');
});
