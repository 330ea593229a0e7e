import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { RepositoryNameSchema } from '#oci/repository-name';
import { defineCall } from '../define-call';
import { plainText } from '../plain-text';

/** A durable piece of an object. `key` is where an S3 driver put it; null where the driver needs none (folder). */
export const ExtentSchema = z.object({
  offset: z.number().int().nonnegative(),
  length: z.number().int().positive(),
  key: plainText(512).nullable(),
});
export type Extent = z.output<typeof ExtentSchema>;

/** The internal address of one process. */
const ReplicaUrlSchema = z.url({ protocol: /^http$/ }).max(300);

/** Opens an upload: the object's intent row (`uploading`) and its session, before the first byte. */
export const OpenSession = defineCall('metadata.open-session', {
  question: z.object({
    repository: RepositoryNameSchema,
    expected: z.object({ digest: DigestSchema.optional(), size: z.number().int().nonnegative().optional() }).optional(),
  }),
  answer: z.object({ session: z.uuid(), object: z.uuid() }),
});

/**
 * A writer takes the session: its epoch goes up, and whoever wrote under an older one is fenced off.
 * `offset` is the acknowledged offset: the end of the gapless prefix. BLOB_UPLOAD_UNKNOWN once it ended.
 */
export const TakeSession = defineCall('metadata.take-session', {
  question: z.object({
    session: z.uuid(),
    /** Where the writer answers whoever wants what it has in memory; absent where nobody else is to ask it. */
    writer: ReplicaUrlSchema.optional(),
  }),
  answer: z.object({
    object: z.uuid(),
    epoch: z.number().int(),
    offset: z.number().int(),
    extents: z.array(ExtentSchema),
    expectedDigest: DigestSchema.nullable(),
    expectedSize: z.number().int().nullable(),
  }),
});

/** Reads a session without taking it (upload status). */
export const ReadSession = defineCall('metadata.read-session', {
  question: z.object({ session: z.uuid() }),
  answer: z.object({ object: z.uuid(), repository: RepositoryNameSchema, offset: z.number().int() }),
});

/**
 * Commits an extent after its bytes are durable. STALE when the epoch has passed; overlapping extents are refused.
 * Repeating the same extent under the same epoch answers the same: a timeout means unknown.
 */
export const CommitExtent = defineCall('metadata.commit-extent', {
  question: z.object({ session: z.uuid(), epoch: z.number().int(), extent: ExtentSchema }),
  answer: z.object({ offset: z.number().int() }),
});

/**
 * The verified end: one transaction makes the object `live`, inserts the blob row with a review due at its pin's
 * end, gives `held` and the right to every manifest and repository that waits and may have it, and ends the fill.
 * If the digest is usable already, this object goes from `uploading` to `condemned` and the winner is answered.
 * STALE when the epoch has passed; repeating it after success answers the same.
 */
export const FinishSession = defineCall('metadata.finish-session', {
  question: z.object({
    session: z.uuid(),
    epoch: z.number().int(),
    digest: DigestSchema,
    size: z.number().int().nonnegative(),
  }),
  answer: z.object({ object: z.uuid() }),
});

/** Ends a session without a blob: its object goes to `purging` (conditional on the epoch where one is given). */
export const AbortSession = defineCall('metadata.abort-session', {
  question: z.object({ session: z.uuid(), epoch: z.number().int().optional(), reason: plainText(500) }),
  answer: z.object({}),
});

/** An object as a reader needs it. `state` `purging` and a missing row are answered BLOB_UNKNOWN. */
export const ReadObject = defineCall('metadata.read-object', {
  question: z.object({ object: z.uuid() }),
  answer: z.object({
    state: z.enum(['uploading', 'live', 'condemned']),
    /** Known once live, or expected of a fill. */
    digest: DigestSchema.nullable(),
    size: z.number().int().nullable(),
    lost: z.boolean(),
    extents: z.array(ExtentSchema),
    /** While it is uploading: where whoever took it last answers, if it said so. It may have gone, or have been overtaken. */
    writer: ReplicaUrlSchema.nullable().default(null),
  }),
});

/** How long what is condemned is kept before it is purged: `metadata`'s setting, which is the one that counts. */
export const ReadGrace = defineCall('metadata.read-grace', {
  question: z.object({}),
  answer: z.object({ graceMs: z.number() }),
});

/** Keeps purge waiting while a read outlasts a minute; taken with the object row locked. Renewed by asking again. */
export const LeaseObject = defineCall('metadata.lease-object', {
  question: z.object({ object: z.uuid(), holder: z.uuid(), forMs: z.number().int().positive() }),
  answer: z.object({ until: z.iso.datetime() }),
});

/** Ends a reader's lease. */
export const ReleaseObject = defineCall('metadata.release-object', {
  question: z.object({ object: z.uuid(), holder: z.uuid() }),
  answer: z.object({}),
});

/**
 * Bytes of an object were found missing or wrong: the digest answers 404 until a new object is swapped in. `refetch` has
 * it fetched again at once, where an upstream gave it; else whoever asks for it next does. Repeating it is harmless.
 */
export const MarkLost = defineCall('metadata.mark-lost', {
  question: z.object({ object: z.uuid(), reason: plainText(500), refetch: z.boolean().default(false) }),
  answer: z.object({
    /** The upstream that it comes from again, as references spell it; null where it does not. */
    refetching: z.string().nullable().default(null),
  }),
});

/** Asks `blobs` to verify what a session holds and end it (see `FinishSession`). DIGEST_INVALID leaves nothing. */
export const FinishUpload = defineCall('blobs.finish-upload', {
  question: z.object({
    session: z.uuid(),
    digest: DigestSchema,
    /** What the session must hold, where the caller knows it; another size is SIZE_INVALID. */
    size: z.number().int().nonnegative().optional(),
  }),
  answer: z.object({ object: z.uuid(), size: z.number().int() }),
  deadlineMs: 30 * 60_000,
});
