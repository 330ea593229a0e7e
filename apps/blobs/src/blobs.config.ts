import { z } from 'zod';
import { CAPABILITY_LIFE_MS, CLOCKS_DIFFER_MS } from '#calls/capability';
import { atMost, renewsInTime } from '#config/compare-settings';
import { bytes, milliseconds, storedMilliseconds, wholeNumber } from '#config/whole-number';

const MIB = 1024 * 1024;

interface LinkTimes {
  ENTREPOT_S3_LINK_MS: number;
  ENTREPOT_S3_LONGEST_DOWNLOAD_MS: number;
}

/**
 * The least grace where clients are sent to the storage: from the answer that a blob is here to the end of the longest
 * download. The storage's clock, by which a link ends, may be behind as well.
 */
export const leastGraceMs = (times: LinkTimes): number =>
  CAPABILITY_LIFE_MS + times.ENTREPOT_S3_LINK_MS + CLOCKS_DIFFER_MS + times.ENTREPOT_S3_LONGEST_DOWNLOAD_MS;

const isOrigin = (text: string): boolean => /^https?:\/\/[^/?#@]+\/?$/.test(text) && URL.canParse(text);

/** DI token of the settings of `blobs`. */
export const BLOBS_CONFIG = Symbol('BLOBS_CONFIG');

export const BlobsConfigSchema = z
  .object({
    ENTREPOT_STORE: z
      .enum(['folder', 'minio'])
      .default('folder')
      .describe('Where bytes are kept: "folder" (a folder, one blobs process) or "minio" (any S3 API).'),
    ENTREPOT_STORE_FOLDER: z
      .string()
      .min(1)
      .default('./data/store')
      .describe('The folder of the folder store; with npm start, blobs/ in the data folder.'),
    ENTREPOT_STORE_RESERVE_BYTES: z.coerce
      .number()
      .int()
      .min(0)
      .default(256 * MIB)
      .describe(
        'What the folder store leaves free on its disk, in bytes: it is full before, so that a database on the same disk can go on.',
      ),
    ENTREPOT_STORE_LOW_BYTES: bytes(512 * MIB, 0).describe(
      'Readiness warns while the folder store has less free space than this, in bytes.',
    ),
    ENTREPOT_S3_ENDPOINT: z
      .url({ protocol: /^https?$/, error: 'must be an address such as http://host:9000' })
      .default('http://127.0.0.1:9000')
      .describe('Address of the S3 API: scheme, host and port.'),
    ENTREPOT_S3_BUCKET: z
      .string()
      .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'must be a bucket name of 3 to 63 characters')
      .default('entrepot')
      .describe('The bucket; made at start if it is not there.'),
    ENTREPOT_S3_REGION: z.string().min(1).default('us-east-1').describe('The region that requests are signed for.'),
    ENTREPOT_S3_ACCESS_KEY: z.string().default('').describe('The access key of the S3 API.'),
    ENTREPOT_S3_SECRET_KEY: z.string().default('').describe('The secret key of the S3 API.'),
    ENTREPOT_S3_PUBLIC_ENDPOINT: z
      .string()
      .refine(isOrigin, 'must be an address such as https://s3.example.com: scheme, host and port alone')
      .optional()
      .describe(
        'Where clients reach the S3 API: with it they are sent there for blobs (307 to a signed link) instead of having the bytes through the gateway. Needs a grace of hours.',
      ),
    ENTREPOT_S3_LINK_MS: wholeNumber(1_000, 7 * 86_400_000)
      .prefault('300000')
      .describe('How long a client has, in milliseconds, to begin what it was sent to the S3 API for.'),
    ENTREPOT_S3_LONGEST_DOWNLOAD_MS: milliseconds(6 * 3_600_000).describe(
      'The longest download from the S3 API itself that is not to be cut by cleanup, in milliseconds.',
    ),
    ENTREPOT_S3_TIMEOUT_MS: milliseconds(30_000).describe(
      'How long, in milliseconds, an S3 request may stay without a byte moving before it is given up and tried again.',
    ),
    ENTREPOT_EXTENT_BYTES: bytes(16 * MIB).describe('The largest extent, in bytes: what one write to the store holds.'),
    ENTREPOT_FIRST_EXTENT_BYTES: bytes(MIB).describe(
      'The first extent of a blob that is followed while it is written, in bytes; the next ones double.',
    ),
    ENTREPOT_LINGER_MS: milliseconds(1_000).describe(
      'After how long, in milliseconds, bytes of a slow upload are stored although their extent is not full; doubles up to sixteen times that.',
    ),
    ENTREPOT_WRITE_MEMORY_BYTES: bytes(128 * MIB).describe('Memory of all uploads and fills of one process, in bytes.'),
    ENTREPOT_READ_MEMORY_BYTES: bytes(128 * MIB).describe(
      'Memory of the buffers of all reads of one process, in bytes: the more reads, the smaller each buffer.',
    ),
    ENTREPOT_HOT_MEMORY_BYTES: bytes(32 * MIB).describe('Memory for small blobs that were read lately, in bytes.'),
    ENTREPOT_HOT_BLOB_BYTES: bytes(MIB).describe('The largest blob that is kept in memory, in bytes.'),
    ENTREPOT_CONFIG_SWEEP_MS: milliseconds(60_000).describe(
      'How often, in milliseconds, configs of images are looked for that were not read yet, when nothing says that one came.',
    ),
    ENTREPOT_JOURNAL_MS: milliseconds(10_000).describe(
      'How often, in milliseconds, the journal of repositories, manifests and tags is taken into the store: what a store that is left without its database lacks at the most.',
    ),
    ENTREPOT_TAIL_MEMORY_BYTES: bytes(32 * MIB).describe(
      'Memory for what is followed here and written by other replicas, in bytes.',
    ),
    ENTREPOT_FOLLOW_POLL_MS: milliseconds(1_000).describe(
      'How often at the least, in milliseconds, a reader that follows an upload on another replica looks for more.',
    ),
    ENTREPOT_COMPOSE_SWEEP_MS: milliseconds(60_000, 0).describe(
      'How often, in milliseconds, blobs that lie under many keys of the S3 store are looked for when nothing says that there are any, to be made one key each; 0: never.',
    ),
    ENTREPOT_COMPOSE_RENEW_MS: milliseconds(10_000).describe(
      'How often, in milliseconds, the lease of the blob that is made one key is renewed; less than half of ENTREPOT_LEASE_MS.',
    ),
    ENTREPOT_SCRUB_BYTES_PER_SECOND: bytes(8 * MIB).describe(
      'How fast stored bytes are read and hashed again by each process of blobs, in bytes a second.',
    ),
    ENTREPOT_SCRUB_SWEEP_MS: milliseconds(60_000, 0).describe(
      'How often, in milliseconds, blobs are looked for whose bytes are to be read again (ENTREPOT_SCRUB_EVERY_MS); 0: never.',
    ),
    ENTREPOT_READ_LEASE_AFTER_MS: milliseconds(60_000).describe(
      'After how long, in milliseconds, a read takes a lease that keeps its object from being purged.',
    ),
    ENTREPOT_LONGEST_READ_MS: milliseconds(6 * 3_600_000).describe('The longest read, in milliseconds.'),
    ENTREPOT_READ_LEASE_CAP_MS: storedMilliseconds(6 * 3_600_000).describe(
      'The longest read that purge waits for, in milliseconds.',
    ),
    ENTREPOT_GRACE_MS: storedMilliseconds(600_000, 0).describe('From condemned to purging, in milliseconds.'),
    ENTREPOT_LEASE_MS: storedMilliseconds(30_000).describe('The lease of an operation or a fill, in milliseconds.'),
  })
  .refine(
    ({ ENTREPOT_STORE: store, ENTREPOT_S3_ACCESS_KEY: key, ENTREPOT_S3_SECRET_KEY: secret }) =>
      store === 'folder' || (key && secret),
    {
      path: ['ENTREPOT_S3_ACCESS_KEY'],
      error: 'the minio store needs ENTREPOT_S3_ACCESS_KEY and ENTREPOT_S3_SECRET_KEY',
    },
  )
  .refine(({ ENTREPOT_STORE: store, ENTREPOT_S3_PUBLIC_ENDPOINT: storage }) => store === 'minio' || !storage, {
    path: ['ENTREPOT_S3_PUBLIC_ENDPOINT'],
    error: 'must be unset unless ENTREPOT_STORE=minio: clients cannot be sent to a folder',
  })
  // Nobody knows how long a client reads that was sent to the storage: its bytes stay by the grace alone.
  .refine((settings) => !settings.ENTREPOT_S3_PUBLIC_ENDPOINT || settings.ENTREPOT_GRACE_MS >= leastGraceMs(settings), {
    path: ['ENTREPOT_GRACE_MS'],
    error: ({ input }) =>
      `must be at least ${leastGraceMs(input as LinkTimes)} where clients are sent to the storage (ENTREPOT_S3_LINK_MS, ENTREPOT_S3_LONGEST_DOWNLOAD_MS and half an hour, by which clocks may differ), for every service`,
  })
  .refine(...renewsInTime('ENTREPOT_COMPOSE_RENEW_MS', 'ENTREPOT_LEASE_MS'))
  // What is being read is kept by the grace at first, then by a lease: neither may end before the read.
  .refine(...atMost('ENTREPOT_READ_LEASE_AFTER_MS', 'ENTREPOT_GRACE_MS'))
  .refine(...atMost('ENTREPOT_LONGEST_READ_MS', 'ENTREPOT_READ_LEASE_CAP_MS'))
  .refine(...atMost('ENTREPOT_FIRST_EXTENT_BYTES', 'ENTREPOT_EXTENT_BYTES'))
  .refine(...atMost('ENTREPOT_EXTENT_BYTES', 'ENTREPOT_WRITE_MEMORY_BYTES'))
  .refine(...atMost('ENTREPOT_HOT_BLOB_BYTES', 'ENTREPOT_HOT_MEMORY_BYTES'));

export type BlobsConfig = z.output<typeof BlobsConfigSchema>;
