import { Controller, Get, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { Calls } from '#calls/calls';
import { PingBlobs, PingMetadata } from '#contracts/calls/ping';
import { Bus } from '#messaging/bus';
import { Readiness } from '#service/readiness';
import { METRICS_TYPE, metricsText } from '#telemetry/metrics';
import { sendAnswer, sendJson } from './registry/send-answer';

/** For whoever keeps this process running: is it alive, can it answer pulls, and its figures. */
@Controller()
export class HealthController {
  private readonly readiness: Readiness;

  /** Pulls need metadata and blobs. A store that is nearly full is said: what it has is served still. */
  constructor(calls: Calls, bus: Bus) {
    const metadata = () => calls.ask(PingMetadata, {}).then(() => null);
    const blobs = () => calls.ask(PingBlobs, {}).then(({ warning }) => warning);
    this.readiness = new Readiness({ metadata, blobs }, bus);
  }

  @Get('livez')
  live(@Res() reply: FastifyReply): void {
    sendJson(reply, 200, { status: 'alive' });
  }

  @Get('readyz')
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const { isReady, body } = await this.readiness.report();
    sendJson(reply, isReady ? 200 : 503, body);
  }

  @Get('metrics')
  async figures(@Res() reply: FastifyReply): Promise<void> {
    sendAnswer(reply, 200, { 'Content-Type': METRICS_TYPE }, await metricsText());
  }
}
