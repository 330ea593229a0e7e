import { isIP } from 'node:net';
import { z } from 'zod';
import { NAMING_SETTINGS } from '#config/naming-settings';
import { onOff } from '#config/on-off';
import { bytes, count, milliseconds, portNumber, storedMilliseconds } from '#config/whole-number';

/** The gateway's settings, each an environment variable; times are milliseconds. */
export const GatewayConfigSchema = z
  .object({
    ENTREPOT_HOST: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe('address to listen on; another than loopback is refused unless ENTREPOT_ALLOW_ANONYMOUS is true'),
    ENTREPOT_PORT: portNumber().prefault('5050').describe('port to listen on; 0 takes a free one'),
    ...NAMING_SETTINGS,
    ENTREPOT_ALLOW_ANONYMOUS: onOff()
      .prefault('off')
      .describe('let anybody who reaches this port pull and ask, also from other machines'),
    ENTREPOT_TAG_TTL_MS: storedMilliseconds(60_000, 0).describe(
      "how old an upstream's tag may be before the upstream is asked again, in milliseconds",
    ),
    ENTREPOT_REVALIDATE_MS: milliseconds(3_000).describe(
      'how long a client waits for the upstream to confirm a tag that is held here, in milliseconds; then the held one is served',
    ),
    ENTREPOT_FETCH_WAIT_MS: milliseconds(25_000).describe(
      'how long a client waits for a manifest that is not held here, in milliseconds; containerd gives up after 30 s',
    ),
    ENTREPOT_MANIFEST_CACHE_BYTES: bytes(64 * 1024 * 1024, 0).describe('manifests kept in memory, in bytes'),
    ENTREPOT_HEADER_TIMEOUT_MS: milliseconds(10_000).describe(
      'longest time for the headers of a request, in milliseconds',
    ),
    ENTREPOT_BODY_TIMEOUT_MS: milliseconds(30_000).describe('longest time for a JSON body, in milliseconds'),
    ENTREPOT_JSON_LIMIT: count(1024 * 1024, 2 ** 30).describe('largest JSON body, in bytes'),
    ENTREPOT_DRAIN_MS: milliseconds(20_000).describe(
      'how long answers under way may take to end when the gateway ends, in milliseconds',
    ),
    ENTREPOT_READ_STALL_MS: milliseconds(300_000).describe(
      'a client that takes no byte of an answer for this long is cut off, in milliseconds',
    ),
    ENTREPOT_REDIRECT: onOff()
      .prefault('on')
      .describe(
        'whether clients of this gateway may be sent to the storage for blobs, where blobs has ENTREPOT_S3_PUBLIC_ENDPOINT; off for those that cannot reach it',
      ),
    ENTREPOT_PULL_COUNT_MS: milliseconds(10_000).describe(
      'how often counted pulls are said to metadata, in milliseconds; those of that time are lost where a gateway is killed',
    ),
    ENTREPOT_EVENT_STREAMS: count(1000, 1_000_000).describe(
      'how many may watch operations at once, and how many may listen to events, a number each; whoever comes then is told to come back',
    ),
    ENTREPOT_WATCH_MS: milliseconds(2_000).describe(
      'how often a watched operation is looked at although no message says it changed, in milliseconds',
    ),
  })
  .superRefine((config, context) => {
    if (isLoopback(config.ENTREPOT_HOST) || config.ENTREPOT_ALLOW_ANONYMOUS) return;
    context.addIssue({
      code: 'custom',
      path: ['ENTREPOT_HOST'],
      message:
        'listening elsewhere than on loopback without authentication lets anybody pull and ask; set ENTREPOT_ALLOW_ANONYMOUS=true if that is meant',
    });
  });

export type GatewayConfig = z.output<typeof GatewayConfigSchema>;

export const GATEWAY_CONFIG = Symbol('gateway config');

function isLoopback(host: string): boolean {
  if (isIP(host) === 4) return host.startsWith('127.');
  return host === 'localhost' || host === '::1';
}
