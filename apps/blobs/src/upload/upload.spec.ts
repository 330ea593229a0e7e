import { describeWithPeers } from '#testing/peers';
import { MinioServer } from '../driver/minio-server.testing';
import { folderStore, minioStore } from '../driver/store.testing';
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
