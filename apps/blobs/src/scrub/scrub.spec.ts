import { describeWithPeers } from '#testing/peers';
import { MinioServer } from '../driver/minio-server.testing';
import { folderStore, minioStore } from '../driver/store.testing';
import { scrubSuite } from './scrub.suite';

describe('bytes in a folder are read again', () => scrubSuite(folderStore));

describeWithPeers('bytes in a bucket are read again', ['minio'], () => {
  let server: MinioServer;
  beforeAll(async () => {
    server = await MinioServer.start();
  });
  afterAll(() => server.stop());

  scrubSuite(() => minioStore(server));
});
