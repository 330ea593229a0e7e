import { type DynamicModule, Inject, Module, type OnApplicationShutdown, type Provider } from '@nestjs/common';
import { CAPABILITY_SECRET } from '#calls/capability-secret';
import { hopId } from '#calls/hop-id';
import { FETCHER_CONFIG, type FetcherConfig } from './fetcher.config';
import { FetcherController } from './fetcher.controller';
import { FillHandler } from './fill/fill.handler';
import { BlobFill } from './fill/fill-blob';
import { BlobEnds } from './pull/blob-ends';
import { ManifestHandler } from './pull/manifest.handler';
import { PullHandler } from './pull/pull.handler';
import { ImagePull } from './pull/pull-image';
import { BlobWait } from './pull/wait-for-blobs';
import { Credentials } from './upstream/credentials';
import { DockerLogins } from './upstream/docker-logins.client';
import { openUpstreams } from './upstream/open-upstreams';
import { TokenClient } from './upstream/token.client';
import { UpstreamClient } from './upstream/upstream.client';
import { UpstreamRegistry } from './upstream/upstream-registry';
import { Upstreams } from './upstream/upstreams';
import { WORKER, workerName } from './worker';

/** The fetcher: everything that talks to upstream registries. Needs the global `Calls`, `BytePlane`, `Bus` and the capability secret. */
@Module({})
export class FetcherModule implements OnApplicationShutdown {
  constructor(@Inject(UpstreamClient) private readonly client: UpstreamClient) {}

  static with(config: FetcherConfig): DynamicModule {
    return {
      module: FetcherModule,
      controllers: [FetcherController],
      providers: [{ provide: FETCHER_CONFIG, useValue: config }, ...PROVIDERS],
    };
  }

  onApplicationShutdown(): Promise<void> {
    return this.client.close();
  }
}

function client(config: FetcherConfig): UpstreamClient {
  const {
    ENTREPOT_FETCH_CONNECT_MS: connect,
    ENTREPOT_FETCH_HEADERS_MS: headers,
    ENTREPOT_FETCH_STALL_MS: stall,
  } = config;
  return new UpstreamClient({ connect, headers, stall }, config.ENTREPOT_FETCH_CONNECTIONS);
}

function credentials(config: FetcherConfig, secret: Uint8Array): Credentials {
  const logins = config.ENTREPOT_DOCKER_LOGINS ? new DockerLogins(config.DOCKER_CONFIG) : undefined;
  return new Credentials(secret, logins, Date.now);
}

const PROVIDERS: Provider[] = [
  { provide: WORKER, useFactory: workerName },
  { provide: Upstreams, useFactory: openUpstreams, inject: [FETCHER_CONFIG] },
  { provide: UpstreamClient, useFactory: client, inject: [FETCHER_CONFIG] },
  { provide: Credentials, useFactory: credentials, inject: [FETCHER_CONFIG, CAPABILITY_SECRET] },
  {
    provide: TokenClient,
    useFactory: (sender: UpstreamClient, config: FetcherConfig) =>
      new TokenClient(sender, config.ENTREPOT_FETCH_HEADERS_MS, Date.now),
    inject: [UpstreamClient, FETCHER_CONFIG],
  },
  {
    provide: UpstreamRegistry,
    useFactory: (sender: UpstreamClient, tokens: TokenClient, known: Credentials, secret: Uint8Array) =>
      new UpstreamRegistry(sender, tokens, known, hopId(secret), Date.now),
    inject: [UpstreamClient, TokenClient, Credentials, CAPABILITY_SECRET],
  },
  BlobEnds,
  BlobWait,
  BlobFill,
  FillHandler,
  ManifestHandler,
  ImagePull,
  PullHandler,
];
