import { describeWithPeers } from '#testing/peers';
import { MinioServer } from './minio-server.testing';
import { folderStore, minioStore } from './store.testing';
import { uploadSuite } from './upload.suite';

describe('uploads to a folder', () => uploadSuite(folderStore));

describeWithPeers('uploads to minio', ['minio'], () => {
  let server: MinioServer;
  beforeAll(async () => {
    server = await MinioServer.start();
  });
  afterAll(() => server.stop());

  uploadSuite(() => minioStore(server));
});
