import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { RepositoryNameSchema } from '#oci/repository-name';
import { defineCall } from '../define-call';

/**
 * The second hot question: may this repository have this blob, and where are its bytes? Needs a right
 * (`repository_blob`) and a usable blob. Many are asked at once. `null`: not usable here (then `WantBlob` may help).
 */
export const FindBlobs = defineCall('metadata.find-blobs', {
  question: z.object({
    blobs: z.array(z.object({ repository: RepositoryNameSchema, digest: DigestSchema })).max(1000),
  }),
  answer: z.object({
    blobs: z.array(z.object({ object: z.uuid(), size: z.number().int() }).nullable()),
  }),
});

/**
 * A client asks for a blob that a visible fetched manifest of this repository lists but that is not held for it:
 * the fill that brings it is answered, begun if there is none. BLOB_UNKNOWN where no visible manifest lists it.
 * After a failed fill the failure is answered for its back-off instead.
 */
export const WantBlob = defineCall('metadata.want-blob', {
  question: z.object({
    repository: RepositoryNameSchema,
    digest: DigestSchema,
    /** HEAD only wants the size: no fill is begun. */
    fill: z.boolean(),
  }),
  answer: z.object({
    size: z.number().int(),
    mediaType: z.string(),
    /** The object being filled, to be followed; absent when `fill` was false and none runs. */
    object: z.uuid().optional(),
  }),
});

/**
 * Removes every stored byte of an object, by listing its own prefix; only ever for an object that `metadata`
 * committed as purging. Repeating it is harmless.
 */
export const PurgeObject = defineCall('blobs.purge-object', {
  question: z.object({ object: z.uuid() }),
  answer: z.object({}),
  deadlineMs: 60_000,
});

/** What lies in the store, in the order of object ids, for fsck and reconcile. `bytes` is what is stored, not claimed. */
export const ListStored = defineCall('blobs.list-stored', {
  question: z.object({ after: z.string().optional(), limit: z.number().int().min(1).max(1000) }),
  answer: z.object({
    /** One row for each object's prefix; `object` is null for a key that belongs to no object's layout. */
    stored: z.array(
      z.object({
        key: z.string(),
        object: z.uuid().nullable(),
        bytes: z.number().int(),
        /** Where the driver keeps each extent under a key of its own (minio), those keys and sizes. */
        extents: z.array(z.object({ key: z.string(), bytes: z.number().int() })).optional(),
      }),
    ),
    next: z.string().nullable(),
  }),
  deadlineMs: 60_000,
});

/** Reads a whole object and hashes it. `digest` is null where bytes are missing or cannot be read. */
export const HashObject = defineCall('blobs.hash-object', {
  question: z.object({ object: z.uuid(), algorithm: z.enum(['sha256', 'sha512']) }),
  answer: z.object({ digest: DigestSchema.nullable(), size: z.number().int() }),
  deadlineMs: 30 * 60_000,
});

/** Keeps the bytes of an object aside, below `quarantine/`, where nothing reads or removes them. Repeating it is harmless. */
export const QuarantineObject = defineCall('blobs.quarantine-object', {
  question: z.object({ object: z.uuid() }),
  answer: z.object({}),
  deadlineMs: 10 * 60_000,
});

/**
 * Deletes what lies under an object's prefix and no row names: all of it where there is no row of the object, what its
 * extents don't name where it is live. Never while it is uploading, nor what is younger than the grace, nor where the
 * database is older than the store. `left` says why something stays; null where nothing does. Repeating it is harmless.
 */
export const DropStrays = defineCall('blobs.drop-strays', {
  question: z.object({ object: z.uuid() }),
  answer: z.object({ dropped: z.number().int(), left: z.string().nullable() }),
  deadlineMs: 60_000,
});

/** Whether the store is the one that this database's objects are in; `fault` says why not, null where it is. */
export const JudgeStore = defineCall('blobs.judge-store', {
  question: z.object({}),
  answer: z.object({ fault: z.string().nullable() }),
});
