import { randomUUID } from 'node:crypto';
import { open, readFile, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import type { StoreUnderTest } from '../replica.testing';
import { FolderDriver } from './folder.driver';
import { MinioDriver } from './minio.driver';
import type { MinioServer } from './minio-server.testing';

export async function folderStore(): Promise<StoreUnderTest> {
  const folder = await tempFolder('store');
  const driver = new FolderDriver(folder);
  await driver.open();
  const path = (object: string) => join(folder, 'objects', object.slice(0, 6), object);
  return {
    driver,
    other: driver,
    lose: (object) => unlink(path(object)),
    async cut(object) {
      const file = await open(path(object), 'r');
      const { size } = await file.stat();
      await file.close();
      await truncate(path(object), size - 1);
    },
    async spoil(object) {
      const file = await open(path(object), 'r+');
      await file.write(Buffer.from([(await file.read(Buffer.alloc(1), 0, 1, 0)).buffer[0]! ^ 1]), 0, 1, 0);
      await file.close();
    },
    quarantined: (object) => readFile(join(folder, 'quarantine', object)),
    stray: () => writeFile(join(folder, 'objects', 'stray'), 'x'),
    async close() {
      await driver.close();
      await removeFolder(folder);
    },
  };
}

/** A bucket of its own on the given MinIO. */
export async function minioStore(server: MinioServer): Promise<StoreUnderTest> {
  const bucket = `spec-${randomUUID()}`;
  const [driver, other] = [new MinioDriver(server.settings(bucket)), new MinioDriver(server.settings(bucket))];
  await Promise.all([driver.open(), other.open()]);
  const client = server.client();
  const keys = async (object: string, prefix = 'objects') => {
    const found: string[] = [];
    for await (const item of client.listObjectsV2(bucket, `${prefix}/${object}/`, true))
      found.push((item as { name: string }).name);
    return found;
  };
  const bytesOf = async (key: string) => {
    const parts: Buffer[] = [];
    for await (const part of await client.getObject(bucket, key)) parts.push(part as Buffer);
    return Buffer.concat(parts);
  };
  const rewrite = async (object: string, change: (bytes: Buffer) => Buffer) => {
    for (const key of await keys(object)) await client.putObject(bucket, key, change(await bytesOf(key)));
  };
  return {
    driver,
    other,
    lose: async (object) => void (await client.removeObjects(bucket, await keys(object))),
    cut: (object) => rewrite(object, (bytes) => bytes.subarray(0, -1)),
    spoil: (object) => rewrite(object, (bytes) => Buffer.concat([Buffer.from([bytes[0]! ^ 1]), bytes.subarray(1)])),
    quarantined: async (object) => Buffer.concat(await Promise.all((await keys(object, 'quarantine')).map(bytesOf))),
    stray: async () => void (await client.putObject(bucket, 'objects/stray', 'x')),
    async close() {
      await Promise.all([driver.close(), other.close()]);
    },
  };
}
