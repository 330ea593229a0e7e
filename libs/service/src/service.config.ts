import { z } from 'zod';
import type { ServiceUrls } from '#calls/service-urls';
import { logFormat, logLevel } from '#config/log-level';
import { TRACE_SETTINGS } from '#config/trace-settings';
import { milliseconds, portNumber, wholeNumber } from '#config/whole-number';
import { checkNatsLogin, NATS_SETTINGS, natsUrl } from '#messaging/nats.config';

const url = (port: number) =>
  z
    .url({ protocol: /^http$/, error: 'must be an address such as http://host:5065' })
    .default(`http://127.0.0.1:${port}`);

/** What every service needs that runs as a process of its own. */
export const ServiceConfigSchema = z
  .object({
    ENTREPOT_SECRET: z
      .string()
      .regex(/^[A-Za-z0-9+/_-]{43}=?$/, 'must be 32 random bytes in base64: openssl rand -base64 32')
      .describe('the key that internal requests are sealed with, 32 bytes in base64; the same for all services'),
    NATS_URL: natsUrl()
      .default('nats://127.0.0.1:4222')
      .describe('the bus: nats://user:password@host:port; servers of a cluster joined by commas'),
    ...NATS_SETTINGS,
    ENTREPOT_INTERNAL_HOST: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe('address that internal calls are answered on'),
    ENTREPOT_INTERNAL_PORT: portNumber()
      .optional()
      .describe('port that internal calls are answered on; the default is that of the URL of this service'),
    ENTREPOT_REPLICA_URL: z
      .url({ protocol: /^http$/, error: 'must be an address such as http://host:5062' })
      .optional()
      .describe(
        'where this process itself answers, for other replicas of its service; the default is the address and port of its internal calls, or the first address of this machine where they are answered on all',
      ),
    ENTREPOT_METADATA_URL: url(5065).describe('where metadata answers internal calls'),
    ENTREPOT_BLOBS_URL: url(5062).describe('where blobs answers internal calls and bytes'),
    ENTREPOT_FETCHER_URL: url(5063).describe('where fetcher answers internal calls'),
    ENTREPOT_GC_URL: url(5064).describe('where gc answers internal calls'),
    ENTREPOT_DRAIN_NOTICE_MS: wholeNumber(0, 20_000)
      .prefault('0')
      .describe(
        'how long a service that ends says it is not ready before it takes nothing more, in milliseconds; as long as a balancer in front of it takes to notice',
      ),
    ENTREPOT_DRAIN_MS: milliseconds(20_000).describe(
      'how long what is under way may take to end when a service ends, in milliseconds; then it is cut off, and another goes on',
    ),
    ENTREPOT_LOG_LEVEL: logLevel().default('info').describe('how much is said while it runs'),
    ENTREPOT_LOG_FORMAT: logFormat()
      .default('auto')
      .describe(
        'how it is said: json, an object on each line; text, for people; auto is text on a terminal and json elsewhere',
      ),
    ...TRACE_SETTINGS,
  })
  .superRefine(checkNatsLogin);

export type ServiceConfig = z.output<typeof ServiceConfigSchema>;

/** Where the services answer each other. */
export function serviceUrls(settings: ServiceConfig): ServiceUrls {
  return {
    metadata: settings.ENTREPOT_METADATA_URL,
    blobs: settings.ENTREPOT_BLOBS_URL,
    fetcher: settings.ENTREPOT_FETCHER_URL,
    gc: settings.ENTREPOT_GC_URL,
  };
}

/** The key that seals what they ask: 32 bytes. */
export const secretOf = ({ ENTREPOT_SECRET }: ServiceConfig): Uint8Array => Buffer.from(ENTREPOT_SECRET, 'base64');
