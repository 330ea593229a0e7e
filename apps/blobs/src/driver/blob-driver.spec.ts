import { describeWithPeers } from '#testing/peers';
import { blobDriverSuite } from './blob-driver.suite';
import { MinioServer } from './minio-server.testing';
import { folderStore, minioStore } from './store.testing';

describe('the folder driver', () => blobDriverSuite(folderStore));

describeWithPeers('the minio driver', ['minio'], () => {
  let server: MinioServer;
  beforeAll(async () => {
    server = await MinioServer.start();
  });
  afterAll(() => server.stop());

  blobDriverSuite(() => minioStore(server));
});
