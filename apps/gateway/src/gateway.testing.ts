import { Global, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { RouteOptions } from 'fastify';
import { BytePlane } from '#calls/byte-plane';
import { Calls } from '#calls/calls';
import { CAPABILITY_SECRET } from '#calls/capability-secret';
import { Bus, type BusListener } from '#messaging/bus';
import { FakeBytePlane } from '#testing/fake-byte-plane';
import { FakeCalls } from '#testing/fake-calls';
import { GatewayAdapter } from './gateway.adapter';
import { GatewayConfigSchema } from './gateway.config';
import { GatewayModule } from './gateway.module';

@Module({})
class TestRoot {}

/** For specs: the gateway on a free port, with everything behind it in the test's hands. */
export class TestGateway {
  readonly calls = new FakeCalls();
  private readonly secret = new Uint8Array(32).fill(7);
  readonly bytes = new FakeBytePlane(this.secret);
  private readonly listeners = new Set<{ prefix: string; listener: BusListener }>();
  private app!: NestFastifyApplication;
  /** Every route that the server has. */
  readonly routes: RouteOptions[] = [];
  port = 0;

  /** With a bus of the test's, where messages are to be read from a real one. */
  static async start(settings: Record<string, string> = {}, bus?: Bus): Promise<TestGateway> {
    const gateway = new TestGateway();
    const config = GatewayConfigSchema.parse({ ENTREPOT_PORT: '0', ENTREPOT_DRAIN_MS: '100', ...settings });
    const adapter = new GatewayAdapter(config);
    adapter.getInstance().addHook('onRoute', (route) => {
      gateway.routes.push(route);
    });
    const root = { module: TestRoot, imports: [gateway.links(bus), GatewayModule.with(config)] };
    gateway.app = await NestFactory.create<NestFastifyApplication>(root, adapter, { logger: false });
    await gateway.app.listen(0, '127.0.0.1');
    gateway.port = (gateway.app.getHttpServer().address() as { port: number }).port;
    return gateway;
  }

  stop(): Promise<void> {
    return this.app.close();
  }

  get nest(): NestFastifyApplication {
    return this.app;
  }

  /** As if a message came by NATS. */
  say(subject: string, json: unknown): void {
    for (const { prefix, listener } of this.listeners) {
      if (subject.startsWith(prefix)) void listener(json, subject);
    }
  }

  private links(given: Bus | undefined) {
    const bus = given ?? {
      link: { onConnect: () => () => undefined },
      subscribe: (subject: string, listener: BusListener) => {
        const listening = { prefix: subject.replace(/>$/, ''), listener };
        this.listeners.add(listening);
        return () => this.listeners.delete(listening);
      },
      state: () => ({ connected: true, server: 'test', fault: null }),
    };
    @Global()
    @Module({})
    class TestLinks {}
    return {
      module: TestLinks,
      providers: [
        { provide: Calls, useValue: this.calls },
        { provide: BytePlane, useValue: this.bytes },
        { provide: CAPABILITY_SECRET, useValue: this.secret },
        { provide: Bus, useValue: bus },
      ],
      exports: [Calls, BytePlane, CAPABILITY_SECRET, Bus],
    };
  }
}
