import { describeWithPeers } from '#testing/peers';
import { MinioServer } from '../driver/minio-server.testing';
import { folderStore, minioStore } from '../driver/store.testing';
import { scrubSuite } from './scrub.suite';

describe('scrubs to a folder', () => scrubSuite(folderStore));

describeWithPeers('scrubs to minio', ['minio'], () => {
  let server: MinioServer;
  beforeAll(async () => {
    server = await MinioServer.start();
  });
  afterAll(() => server.stop());

  scrubSuite(() => minioStore(server));
});
