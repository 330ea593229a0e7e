import { describeWithPeers } from '#testing/peers';
import { MinioServer } from '../driver/minio-server.testing';
import { folderStore, minioStore } from '../driver/store.testing';
import { readSuite } from './read.suite';

describe('reads from a folder', () => readSuite(folderStore));

describeWithPeers('reads from minio', ['minio'], () => {
  let server: MinioServer;
  beforeAll(async () => {
    server = await MinioServer.start();
  });
  afterAll(() => server.stop());

  readSuite(() => minioStore(server));
});
