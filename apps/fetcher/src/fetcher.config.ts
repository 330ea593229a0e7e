import { z } from 'zod';
import { renewsInTime } from '#config/compare-settings';
import { NAMING_SETTINGS } from '#config/naming-settings';
import { onOff } from '#config/on-off';
import { bytes, count, milliseconds, portNumber, storedMilliseconds, wholeNumber } from '#config/whole-number';

/** The fetcher's settings, each an environment variable; times are milliseconds. */
export const FetcherConfigSchema = z
  .object({
    ENTREPOT_UPSTREAMS: z
      .string()
      .min(1)
      .optional()
      .describe(
        'path of a JSON file with the upstream registries that need credentials, a CA, plain HTTP or a private address',
      ),
    ...NAMING_SETTINGS,
    ENTREPOT_HOST: z
      .string()
      .min(1)
      .default('127.0.0.1')
      .describe(
        'address that the gateway listens on; while it is loopback, upstreams on loopback need no configuration',
      ),
    ENTREPOT_PORT: portNumber().prefault('5050').describe('port that the gateway listens on'),
    ENTREPOT_DOCKER_LOGINS: onOff()
      .prefault('off')
      .describe("use the logins in Docker's own config.json, with its credential helpers"),
    DOCKER_CONFIG: z.string().min(1).optional().describe("the folder of Docker's config.json; default ~/.docker"),
    ENTREPOT_HOST_PLATFORM: z
      .string()
      .min(1)
      .optional()
      .describe('which platform "host" means, such as linux/arm64; default Linux on this machine\'s architecture'),
    ENTREPOT_FETCH_PULLS: count(32, 64).describe(
      'pull operations at once in this process that ask for manifests; those that only wait for layers hold no place',
    ),
    ENTREPOT_FETCH_PULLS_HELD: count(512, 4096).describe(
      'pull operations at once in this process, with those that only wait for layers',
    ),
    ENTREPOT_FETCH_FILLS: count(12, 32).describe('layers downloaded at once by this process'),
    ENTREPOT_FETCH_FILLS_PER_REPOSITORY: count(6, 32).describe('layers downloaded at once from one repository'),
    ENTREPOT_FETCH_FILLS_PER_UPSTREAM: wholeNumber(1, 32)
      .optional()
      .describe('layers downloaded at once from one upstream; default half of ENTREPOT_FETCH_FILLS'),
    ENTREPOT_FETCH_SLOW_BYTES_PER_S: bytes(16 * 1024, 0).describe(
      'a layer that comes more slowly, in bytes per second, gives its place to one that waits',
    ),
    ENTREPOT_FETCH_SLOW_MS: milliseconds(30_000).describe('over how long that speed is measured, in milliseconds'),
    ENTREPOT_FETCH_CONNECTIONS: count(16, 256).describe('connections to one upstream from this process'),
    ENTREPOT_FETCH_CONNECT_MS: milliseconds(10_000).describe(
      'longest wait for a connection to an upstream, in milliseconds',
    ),
    ENTREPOT_FETCH_HEADERS_MS: milliseconds(20_000).describe(
      "longest wait for the headers of an upstream's answer, in milliseconds",
    ),
    ENTREPOT_FETCH_STALL_MS: milliseconds(30_000).describe(
      'a body that brings next to nothing for this long has stalled, in milliseconds',
    ),
    ENTREPOT_FETCH_SWEEP_MS: milliseconds(5_000).describe(
      'how often work is looked for that nobody announced, in milliseconds',
    ),
    ENTREPOT_FETCH_RENEW_MS: milliseconds(10_000).describe('how often leases are renewed, in milliseconds'),
    ENTREPOT_LEASE_MS: storedMilliseconds(30_000).describe('the lease of an operation or a fill, in milliseconds'),
    ENTREPOT_FETCH_PROGRESS_MS: milliseconds(500).describe(
      'how often a running pull looks at its layers and says how far it is, in milliseconds',
    ),
    ENTREPOT_FETCH_MANIFEST_MS: milliseconds(25_000).describe('longest time for one manifest, in milliseconds'),
  })
  .refine(...renewsInTime('ENTREPOT_FETCH_RENEW_MS', 'ENTREPOT_LEASE_MS'));

export type FetcherConfig = z.output<typeof FetcherConfigSchema>;

export const FETCHER_CONFIG = Symbol('fetcher config');
