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
import type { ServiceUrls } from './service-urls';

/** How the services of a process reach each other: all in it, or over HTTP. */
@Global()
@Module({})
export class LinksModule {
  static inProcess(secret: Uint8Array): DynamicModule {
    return links(secret, [
      { provide: Calls, useClass: InProcessCalls },
      { provide: BytePlane, useClass: InProcessBytePlane },
    ]);
  }

  static overHttp(secret: Uint8Array, urls: ServiceUrls): DynamicModule {
    return links(secret, [
      { provide: Calls, useValue: new HttpCalls(urls, secret) },
      { provide: BytePlane, useValue: new HttpBytePlane(urls.blobs) },
    ]);
  }
}

function links(secret: Uint8Array, bindings: NonNullable<DynamicModule['providers']>): DynamicModule {
  return {
    module: LinksModule,
    imports: [DiscoveryModule],
    providers: [CallRegistry, { provide: CAPABILITY_SECRET, useValue: secret }, ...bindings],
    exports: [CallRegistry, CAPABILITY_SECRET, Calls, BytePlane],
  };
}
