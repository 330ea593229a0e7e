import { describeWithPeers } from '#testing/peers';
import { MinioServer } from './minio-server.testing';
import { readSuite } from './read.suite';
import { folderStore, minioStore } from './store.testing';

describe('reads from a folder', () => readSuite(folderStore));

describeWithPeers('reads from minio', ['minio'], () => {
  let server: MinioServer;
  beforeAll(async () => {
    server = await MinioServer.start();
  });
  afterAll(() => server.stop());

  readSuite(() => minioStore(server));
});
