import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { BytesSchema, defineCall } from '../define-call';
import { ExtentSchema } from './sessions';

/** Where a segment of the journal lies: of which life of the database, and its number there. */
const PlaceSchema = z.object({ generation: z.number().int().min(0), segment: z.number().int().min(0) });

/** What a database that is behind its store does: `names`, `missing` and `objects` one after the other, then `ended`. */
const PhaseSchema = z.enum(['names', 'missing', 'objects', 'ended']);

/** How far the last adoption has come; `null` where this database was never behind its store. */
export const ReadAdoption = defineCall('metadata.read-adoption', {
  question: z.object({}),
  answer: z.object({
    adoption: z
      .object({
        phase: PhaseSchema,
        /** From nothing, not from a backup. */
        rebuilds: z.boolean(),
        /** The last segment of the journal that was read. */
        after: PlaceSchema,
        /** Entries of the journal that were read, and objects that were found missing, taken in, put aside. */
        words: z.number().int(),
        missing: z.number().int(),
        adopted: z.number().int(),
        quarantined: z.number().int(),
      })
      .nullable(),
  }),
});

/** Takes the adoption that is due, for a time that each of its steps extends; `null` where there is none, or another has it. */
export const TakeAdoption = defineCall('metadata.take-adoption', {
  question: z.object({ worker: z.uuid() }),
  answer: z.object({
    adoption: z
      .object({
        installation: z.uuid(),
        /** Which the database began: segments of it are its own. */
        generation: z.number().int(),
        phase: z.enum(['names', 'missing', 'objects']),
        after: PlaceSchema,
      })
      .nullable(),
  }),
});

/** Does again what a segment of the journal says, where nothing newer was said. STALE for another worker. */
export const AdoptSegment = defineCall('metadata.adopt-segment', {
  question: z.object({ worker: z.uuid(), at: PlaceSchema, bytes: BytesSchema }),
  answer: z.object({}),
  deadlineMs: 5 * 60_000,
});

/** Ends a phase, and begins the next. STALE for another worker. */
export const EndAdoptionPhase = defineCall('metadata.end-adoption-phase', {
  question: z.object({
    worker: z.uuid(),
    phase: PhaseSchema,
    /** Objects that were found missing in it. */
    missing: z.number().int().default(0),
  }),
  answer: z.object({}),
  deadlineMs: 60_000,
});

/** As many that are missing as are answered at once. */
export const MISSING_PAGE = 1000;

/**
 * Compares a page of the store, listed before: which finished objects after `from` (none: from the beginning) up to `to`
 * (none: to the end) are not among those that were listed, the first thousand of them, and which of these have no row.
 * STALE for another worker.
 */
export const CompareStored = defineCall('metadata.compare-stored', {
  question: z.object({
    worker: z.uuid(),
    from: z.uuid().nullable(),
    to: z.uuid().nullable(),
    stored: z.array(z.uuid()).max(1000),
  }),
  answer: z.object({
    missing: z.array(z.object({ object: z.uuid(), digest: DigestSchema })),
    unknown: z.array(z.uuid()),
  }),
});

/** More than one question takes; an object is made one key long before. */
export const MOST_PIECES = 10_000;

/**
 * Bytes in the store that no row names, as they hash: a blob where a repository may read that digest and has no other
 * bytes of it; else they are condemned, and go when their time in quarantine has passed. Repeating it is harmless.
 */
export const AdoptObject = defineCall('metadata.adopt-object', {
  question: z.object({
    object: z.uuid(),
    digest: DigestSchema,
    size: z.number().int().nonnegative(),
    extents: z.array(ExtentSchema).max(MOST_PIECES),
    /** Whether to put aside what nobody wants; else that is only answered: the bytes may be looked at otherwise. */
    quarantine: z.boolean(),
  }),
  answer: z.object({ became: z.enum(['blob', 'quarantined', 'unwanted', 'known']) }),
});

/**
 * An empty database becomes that of an installation whose journal is in the store, and has all of it back. Repeating it
 * is harmless while that goes on. CONFLICT where the database is not empty.
 */
export const BeginRebuild = defineCall('metadata.begin-rebuild', {
  question: z.object({ installation: z.uuid(), generation: z.number().int().min(1) }),
  answer: z.object({}),
});

/** The journals in the store: of which installations, and the last segment of each. */
export const ListJournals = defineCall('blobs.list-journals', {
  question: z.object({}),
  answer: z.object({ journals: z.array(z.object({ installation: z.uuid(), last: PlaceSchema })) }),
  deadlineMs: 60_000,
});
