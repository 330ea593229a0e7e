import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Calls } from '#calls/calls';
import { PingBlobs, PingMetadata } from '#contracts/calls/ping';
import { Bus } from '#messaging/bus';
import { RegistryError } from '#oci/registry-error';
import { GatewayMetrics } from './gateway-metrics';
import { sendAnswer, sendJson } from './registry/send-answer';

/** Probes within this time are answered alike, in milliseconds: whoever probes costs the store nothing. */
const SAME_FOR_MS = 1_000;

/** How a service is: `ok`, perhaps with a warning, or why it is away. */
interface Presence {
  readonly isHere: boolean;
  readonly said: string;
}

interface Readiness {
  readonly metadata: Presence;
  readonly blobs: Presence;
}

/** For whoever keeps this process running: is it alive, can it answer pulls, and its figures. */
@Controller()
export class HealthController {
  private last: { readonly at: number; readonly readiness: Promise<Readiness> } | undefined;

  constructor(
    private readonly calls: Calls,
    private readonly bus: Bus,
    private readonly metrics: GatewayMetrics,
  ) {}

  @Get('livez')
  live(@Res() reply: FastifyReply): void {
    sendJson(reply, 200, { status: 'alive' });
  }

  /**
   * Pulls need metadata and blobs. The bus is only reported: everything but waking goes on without it; so is a store
   * that is nearly full: what it has is served still.
   */
  @Get('readyz')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const { metadata, blobs } = await this.readiness(Date.now());
    const isReady = metadata.isHere && blobs.isHere;
    const { connected, server, fault } = this.bus.state();
    const bus = connected && fault === null ? `ok, nats-server ${server}` : (fault ?? 'not connected');
    const status = isReady ? 'ready' : 'not ready';
    sendJson(reply, isReady ? 200 : 503, { status, metadata: metadata.said, blobs: blobs.said, bus });
  }

  @Get('metrics')
  async figures(@Res() reply: FastifyReply): Promise<void> {
    sendAnswer(reply, 200, { 'Content-Type': this.metrics.contentType }, await this.metrics.text());
  }

  private readiness(now: number): Promise<Readiness> {
    if (this.last && now - this.last.at < SAME_FOR_MS) return this.last.readiness;
    const readiness = this.probe();
    this.last = { at: now, readiness };
    return readiness;
  }

  private async probe(): Promise<Readiness> {
    const [metadata, blobs] = await Promise.all([
      presence(this.calls.ask(PingMetadata, {}).then(() => null)),
      presence(this.calls.ask(PingBlobs, {}).then(({ warning }) => warning)),
    ]);
    return { metadata, blobs };
  }
}

async function presence(asked: Promise<string | null>): Promise<Presence> {
  try {
    const warning = await asked;
    return { isHere: true, said: warning === null ? 'ok' : `ok, but ${warning}` };
  } catch (error) {
    const said = error instanceof RegistryError ? error.message : 'an internal error: the log says more';
    return { isHere: false, said };
  }
}
