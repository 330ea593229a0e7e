import { type DynamicModule, Global, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { BytePlane } from './byte-plane';
import { CallRegistry } from './call-registry';
import { Calls } from './calls';
import { CAPABILITY_SECRET } from './capability-secret';
import { HttpBytePlane } from './http-byte-plane';
import { HttpCalls } from './http-calls';
import { InProcessBytePlane } from './in-process-byte-plane';
import { InProcessCalls } from './in-process-calls';
import { OWN_URL } from './own-url';
import type { ServiceUrls } from './service-urls';

/** How the services of a process reach each other: all in it, or over HTTP. */
@Global()
@Module({})
export class LinksModule {
  static inProcess(secret: Uint8Array): DynamicModule {
    return links(secret, null, [
      { provide: Calls, useClass: InProcessCalls },
      { provide: BytePlane, useClass: InProcessBytePlane },
    ]);
  }

  /** `ownUrl` is where this very process answers, for other replicas of its service; null where it answers nobody. */
  static overHttp(secret: Uint8Array, urls: ServiceUrls, ownUrl: string | null): DynamicModule {
    return links(secret, ownUrl, [
      { provide: Calls, useValue: new HttpCalls(urls, secret) },
      { provide: BytePlane, useValue: new HttpBytePlane(urls.blobs) },
    ]);
  }
}

function links(
  secret: Uint8Array,
  ownUrl: string | null,
  bindings: NonNullable<DynamicModule['providers']>,
): DynamicModule {
  return {
    module: LinksModule,
    imports: [DiscoveryModule],
    providers: [
      CallRegistry,
      { provide: CAPABILITY_SECRET, useValue: secret },
      { provide: OWN_URL, useValue: ownUrl },
      ...bindings,
    ],
    exports: [CallRegistry, CAPABILITY_SECRET, OWN_URL, Calls, BytePlane],
  };
}
