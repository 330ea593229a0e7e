import { Client } from 'minio';
import { freePort } from '#children/free-port';
import { peer } from '#testing/peers';
import { RunningProgram } from '#testing/run-program';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import type { S3Settings } from './s3.client';

const KEYS = { accessKey: 'spec', secretKey: 'spec-secret' };

/** A MinIO of its own for one spec file. */
export class MinioServer {
  private constructor(
    private readonly folder: string,
    private readonly program: RunningProgram,
    readonly endpoint: string,
  ) {}

  static async start(): Promise<MinioServer> {
    const folder = await tempFolder('minio');
    const address = `127.0.0.1:${await freePort()}`;
    const env = {
      ...process.env,
      MINIO_ROOT_USER: KEYS.accessKey,
      MINIO_ROOT_PASSWORD: KEYS.secretKey,
      MINIO_BROWSER: 'off',
    };
    const program = new RunningProgram(peer('minio'), ['server', '--address', address, folder], { env });
    await program.says(/^API: /m);
    return new MinioServer(folder, program, `http://${address}`);
  }

  /** Settings of a bucket; through a proxy where its address is given. */
  settings(bucket: string, endpoint = this.endpoint): S3Settings {
    return { endpoint, bucket, region: 'us-east-1', ...KEYS, timeoutMs: 2_000 };
  }

  /** A plain client, for what a spec does behind the driver's back. */
  client(): Client {
    const { hostname, port } = new URL(this.endpoint);
    return new Client({ endPoint: hostname, port: Number(port), useSSL: false, region: 'us-east-1', ...KEYS });
  }

  async stop(): Promise<void> {
    await this.program.stop('SIGKILL');
    await removeFolder(this.folder);
  }
}
