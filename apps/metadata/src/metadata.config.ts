import { z } from 'zod';
import { atMost, lessThan } from '#config/compare-settings';
import { NAMING_SETTINGS } from '#config/naming-settings';
import { count, milliseconds, portNumber, storedMilliseconds, wholeNumber } from '#config/whole-number';

const DAY = 24 * 60 * 60 * 1000;

/** The settings of metadata, each an environment variable; times are milliseconds. */
export const MetadataConfigSchema = z
  .object({
    DATABASE_URL: z.string().min(1).describe('the Postgres database: postgres://user:password@host:port/name'),
    ENTREPOT_DATABASE_POOL: count(12, 200).describe('connections of this process to Postgres'),
    ENTREPOT_DATABASE_WAIT_MS: milliseconds(60_000).describe('how long a start waits for Postgres, in milliseconds'),
    ...NAMING_SETTINGS,
    ENTREPOT_HOST: z.string().min(1).default('127.0.0.1').describe('address that the gateway listens on'),
    ENTREPOT_PORT: portNumber().prefault('5050').describe('port that the gateway listens on'),
    ENTREPOT_HOST_PLATFORM: z
      .string()
      .min(1)
      .optional()
      .describe(
        "which image of an index a container uses that says no platform, such as linux/arm64; default Linux on this machine's architecture",
      ),
    ENTREPOT_PIN_MS: storedMilliseconds(DAY).describe('how long what was said to exist stays, in milliseconds'),
    ENTREPOT_PIN_WRITE_MS: storedMilliseconds(DAY / 24, 0).describe(
      'a pin is written again only if older, in milliseconds',
    ),
    ENTREPOT_REVIEW_DELAY_MS: storedMilliseconds(DAY / 24, 0).describe(
      'how long after its last reference was lost something is reviewed, in milliseconds',
    ),
    ENTREPOT_GRACE_MS: storedMilliseconds(10 * 60_000, 0).describe('from condemned to purging, in milliseconds'),
    ENTREPOT_QUARANTINE_MS: storedMilliseconds(30 * DAY, 0).describe(
      'how long bytes stay that were found in the store when a database was restored or rebuilt, and that nothing wants, in milliseconds',
    ),
    ENTREPOT_UNDO_MS: storedMilliseconds(DAY, 0).describe(
      'how long a removed image can be brought back, in milliseconds',
    ),
    ENTREPOT_KEEP_PULLED_MS: storedMilliseconds(30 * DAY, 0).describe(
      'how long untagged cached content stays after its last pull, in milliseconds',
    ),
    ENTREPOT_OPERATION_KEEP_MS: storedMilliseconds(30 * DAY, DAY / 24).describe(
      'how long an operation is kept after it ended, in milliseconds: as long as that a request under the same id is the same one, and not done again',
    ),
    ENTREPOT_PLAN_MS: storedMilliseconds(DAY / 2).describe(
      'how long the plan of a dry run may be applied, in milliseconds',
    ),
    ENTREPOT_PRUNE_SHARE: wholeNumber(0, 100)
      .prefault('50')
      .describe('a prune that takes more of all images than this asks first, in percent'),
    ENTREPOT_PRUNE_SHARE_OF: wholeNumber(0)
      .prefault('100')
      .describe('that share is asked about where there are more images than this, a number'),
    ENTREPOT_SCHEDULES: z
      .string()
      .min(1)
      .optional()
      .describe('a YAML or JSON file of schedules by name, as REST takes them, read at the start; none without it'),
    ENTREPOT_SESSION_IDLE_MS: storedMilliseconds(DAY).describe(
      'how long an upload session may lie idle, in milliseconds',
    ),
    ENTREPOT_READ_LEASE_CAP_MS: storedMilliseconds(DAY / 4).describe(
      'the longest read that purge waits for, in milliseconds',
    ),
    ENTREPOT_PURGE_CLAIM_MS: storedMilliseconds(60_000).describe(
      'when an unconfirmed purge is tried again, in milliseconds',
    ),
    ENTREPOT_SCRUB_EVERY_MS: storedMilliseconds(30 * DAY, 0).describe(
      'how long stored bytes may go without being read and hashed again, in milliseconds; 0: they never are',
    ),
    ENTREPOT_USAGE_MS: milliseconds(60_000).describe(
      'how often what the store holds is counted, in milliseconds; a large store less often, so that counting takes a twentieth of the time',
    ),
    ENTREPOT_BEAT_MS: milliseconds(10_000).describe('how often metadata notes that it is here, in milliseconds'),
    ENTREPOT_AWAY_MS: storedMilliseconds(60_000).describe('an absence this long counts as downtime, in milliseconds'),
    ENTREPOT_QUIET_MS: storedMilliseconds(5 * 60_000, 0).describe(
      'after downtime nothing is condemned or purged for one longest lease, in milliseconds',
    ),
    ENTREPOT_NATS_ISSUER: z
      .string()
      .min(1)
      .optional()
      .describe(
        "the seed (SA…) of the key that the bus's auth_callout trusts; without it users of the bus are not made here",
      ),
    ENTREPOT_NATS_ISSUER_FILE: z
      .string()
      .min(1)
      .optional()
      .describe('a file that holds that seed, in place of ENTREPOT_NATS_ISSUER'),
    ENTREPOT_BUS_USERS: count(1_000, 100_000).describe('users of the bus that there may be, a number'),
    ENTREPOT_LEASE_MS: storedMilliseconds(30_000).describe('the lease of an operation or a fill, in milliseconds'),
    ENTREPOT_ATTEMPTS: count(8, 100).describe('attempts of an operation or a fill before it fails'),
    ENTREPOT_BACKOFF_MS: storedMilliseconds(1000).describe(
      'the wait before the second attempt, doubled for each, in milliseconds',
    ),
    ENTREPOT_BACKOFF_LONGEST_MS: storedMilliseconds(5 * 60_000).describe(
      'the longest wait before an attempt, in milliseconds',
    ),
  })
  .refine(({ ENTREPOT_NATS_ISSUER: seed, ENTREPOT_NATS_ISSUER_FILE: file }) => !seed || !file, {
    path: ['ENTREPOT_NATS_ISSUER_FILE'],
    error: 'must not be beside ENTREPOT_NATS_ISSUER: one of them',
  })
  // A pin that is written again too late would leave what was just said to exist without one.
  .refine(...lessThan('ENTREPOT_PIN_WRITE_MS', 'ENTREPOT_PIN_MS'))
  .refine(...lessThan('ENTREPOT_BEAT_MS', 'ENTREPOT_AWAY_MS'))
  .refine(...atMost('ENTREPOT_LEASE_MS', 'ENTREPOT_QUIET_MS'))
  .refine(...atMost('ENTREPOT_BACKOFF_MS', 'ENTREPOT_BACKOFF_LONGEST_MS'));

export type MetadataConfig = z.output<typeof MetadataConfigSchema>;

export const METADATA_CONFIG = Symbol('metadata config');
