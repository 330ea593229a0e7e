import { Client } from 'minio';
import { peer } from '#testing/peers';
import { RunningProgram } from '#testing/run-program';
import { steadyPort } from '#testing/steady-port';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import type { S3Settings } from './s3.client';

const KEYS = { accessKey: 'spec', secretKey: 'spec-secret' };

/** A MinIO of its own for one spec file. */
export class MinioServer {
  private constructor(
    private readonly folder: string,
    private readonly address: string,
    private program: RunningProgram,
  ) {}

  /** In a folder of its own, or in one that is made for it. */
  static async start(at?: string): Promise<MinioServer> {
    const folder = at ?? (await tempFolder('minio'));
    const address = `127.0.0.1:${await steadyPort()}`;
    return new MinioServer(folder, address, await serve(folder, address));
  }

  get endpoint(): string {
    return `http://${this.address}`;
  }

  get pid(): number {
    return this.program.pid;
  }

  /** SIGKILL; its folder and address stay its own. */
  async kill9(): Promise<void> {
    await this.program.stop('SIGKILL');
  }

  /** After it was killed. */
  async startAgain(): Promise<void> {
    this.program = await serve(this.folder, this.address);
  }

  /** What a warehouse must be told to keep its bytes in a bucket here; through a proxy where its address is given. */
  environment(bucket: string, endpoint = this.endpoint): Record<string, string> {
    return {
      ENTREPOT_STORE: 'minio',
      ENTREPOT_S3_ENDPOINT: endpoint,
      ENTREPOT_S3_BUCKET: bucket,
      ENTREPOT_S3_ACCESS_KEY: KEYS.accessKey,
      ENTREPOT_S3_SECRET_KEY: KEYS.secretKey,
    };
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

async function serve(folder: string, address: string): Promise<RunningProgram> {
  const env = {
    ...process.env,
    MINIO_ROOT_USER: KEYS.accessKey,
    MINIO_ROOT_PASSWORD: KEYS.secretKey,
    MINIO_BROWSER: 'off',
  };
  const program = new RunningProgram(peer('minio'), ['server', '--address', address, folder], { env });
  await program.says(/^API: /m);
  return program;
}
