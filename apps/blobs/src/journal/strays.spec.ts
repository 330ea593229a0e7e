import { describeWithPeers } from '#testing/peers';
import { MinioServer } from '../driver/minio-server.testing';
import { folderStore, minioStore } from '../driver/store.testing';
import { straysSuite } from './strays.suite';

describe('bytes that nothing refers to, in a folder', () => straysSuite(folderStore));

describeWithPeers('bytes that nothing refers to, in a bucket', ['minio'], () => {
  let server: MinioServer;
  beforeAll(async () => {
    server = await MinioServer.start();
  });
  afterAll(() => server.stop());

  straysSuite(() => minioStore(server));
});
