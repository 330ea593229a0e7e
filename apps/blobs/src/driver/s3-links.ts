import { Client } from 'minio';
import type { S3Settings } from './s3.client';

export interface PublicStorage {
  /** Where clients reach the storage: scheme, host and port. */
  readonly endpoint: string;
  /** How long a link lets them begin to read, in milliseconds. */
  readonly linkMs: number;
}

/** What storage answers with: bytes to be kept, never a page to be shown. */
const ANSWERED_AS = {
  'response-content-type': 'application/octet-stream',
  'response-content-disposition': 'attachment',
};

/**
 * Links by which whoever has one reads one key, and nothing else, without a login. They are signed for the name that
 * clients reach the storage by, which is part of the signature; nothing is asked of the storage.
 */
export class S3Links {
  private readonly signer: Client;

  constructor(
    private readonly bucket: string,
    settings: Pick<S3Settings, 'region' | 'accessKey' | 'secretKey'>,
    private readonly storage: PublicStorage,
  ) {
    const { protocol, hostname, port } = new URL(storage.endpoint);
    const useSSL = protocol === 'https:';
    this.signer = new Client({
      endPoint: hostname,
      port: Number(port) || (useSSL ? 443 : 80),
      useSSL,
      region: settings.region,
      accessKey: settings.accessKey,
      secretKey: settings.secretKey,
    });
  }

  link(key: string): Promise<string> {
    const seconds = Math.floor(this.storage.linkMs / 1000);
    return this.signer.presignedGetObject(this.bucket, key, seconds, ANSWERED_AS);
  }
}
