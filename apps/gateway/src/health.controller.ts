import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Calls } from '#calls/calls';
import { ListStored } from '#contracts/calls/blobs';
import { ListTags } from '#contracts/calls/manifests';
import { Bus } from '#messaging/bus';
import { RegistryError } from '#oci/registry-error';
import { GatewayMetrics } from './gateway-metrics';
import { sendAnswer, sendJson } from './send-answer';

/** A probe waits this long for what it asks, in milliseconds. */
const PROBE_MS = 2_000;

/** Probes within this time are answered alike, in milliseconds: whoever probes costs the store nothing. */
const SAME_FOR_MS = 1_000;

interface Readiness {
  /** `ok`, or why not. */
  readonly metadata: string;
  readonly blobs: string;
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

  /** Pulls need metadata and blobs. The bus is only reported: everything but waking goes on without it. */
  @Get('readyz')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const readiness = await this.readiness(Date.now());
    const isReady = readiness.metadata === 'ok' && readiness.blobs === 'ok';
    const { connected, server, fault } = this.bus.state();
    const bus = connected ? `ok, nats-server ${server}` : (fault ?? 'not connected');
    sendJson(reply, isReady ? 200 : 503, { status: isReady ? 'ready' : 'not ready', ...readiness, bus });
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
    const within = { deadlineMs: PROBE_MS };
    const [metadata, blobs] = await Promise.all([
      outcome(this.calls.ask(ListTags, { repository: 'readiness/probe', limit: 0 }, within)),
      outcome(this.calls.ask(ListStored, { limit: 1 }, within)),
    ]);
    return { metadata, blobs };
  }
}

async function outcome(asked: Promise<unknown>): Promise<string> {
  try {
    await asked;
    return 'ok';
  } catch (error) {
    return error instanceof RegistryError ? error.message : 'an internal error: the log says more';
  }
}
