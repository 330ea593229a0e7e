import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { ContainerStateSchema } from './container';
import { MOST_NAMES } from './remove';

/** As much as one report says. */
export const MOST_REPORTED = 5_000;

export const LONGEST_LEASE_SECONDS = 7 * 86_400;

const storable = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .refine((text) => !/[\p{Cc}\p{Cs}]/u.test(text), 'must not contain control characters');

export const ReporterNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{0,62}$/, 'must be 1 to 63 of a-z, 0-9, . and -, a letter or digit first');

const ReportedContainerSchema = z.strictObject({
  id: storable(256).describe('its id where it runs, like no other of this reporter'),
  name: z
    .string()
    .regex(/^[a-zA-Z0-9][a-zA-Z0-9_./-]{0,254}$/, 'must be 1 to 255 of a-z, A-Z, 0-9, _ . / -')
    .describe('its name where it runs; here it is shown behind the name of the reporter and a slash'),
  image: storable(512).describe('the image as it was named there'),
  digest: DigestSchema.optional().describe('the manifest, index or config that it runs, where that is known'),
  state: ContainerStateSchema,
  labels: z
    .record(
      storable(1024),
      z
        .string()
        .max(4096)
        .refine((text) => !/[\0\p{Cs}]/u.test(text)),
    )
    .default({}),
  createdAt: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('one that is not in the years 1970 to 9999 counts as none'),
});
export type ReportedContainer = z.output<typeof ReportedContainerSchema>;

export const ContainerReportBodySchema = z.strictObject({
  reporter: ReporterNameSchema.describe('who reports: an engine or a cluster'),
  holder: storable(128).describe(
    'an id that this reporter keeps over its restarts, such as the engine’s: while its lease lasts, nobody else reports under its name',
  ),
  sequence: z
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe('rises with each report of a holder: an older one that comes late is refused'),
  leaseSeconds: z
    .number()
    .int()
    .min(10)
    .max(LONGEST_LEASE_SECONDS)
    .default(300)
    .describe('how long this set holds without another report'),
  containers: z
    .array(ReportedContainerSchema)
    .max(MOST_REPORTED)
    .describe('every container there is; those reported before that are not among them are gone'),
});
export type ContainerReportBody = z.output<typeof ContainerReportBodySchema>;

/** What a report changed. `unknown`: images that are not here, by their first names. */
export const ContainerReportOutcomeSchema = z.object({
  reporter: z.string(),
  created: z.number().int().nonnegative(),
  changed: z.number().int().nonnegative(),
  removed: z.number().int().nonnegative(),
  kept: z.number().int().nonnegative(),
  unknown: z.array(z.string()).max(MOST_NAMES),
  unknownCount: z.number().int().nonnegative(),
  leasedUntil: z.iso.datetime(),
  sequence: z
    .number()
    .int()
    .nonnegative()
    .nullable()
    .default(null)
    .describe('of the newest report of this holder that said one: an older one is refused'),
});
export type ContainerReportOutcome = z.output<typeof ContainerReportOutcomeSchema>;

/** Why a report was not taken, for programs: in a problem's `about`, and in the `detail` of a failed operation's error. */
export const ReportRefusalSchema = z.object({
  reporter: z.string(),
  reason: z
    .enum(['stale', 'another-holder', 'another-caller'])
    .describe('it is older than one that came before it, or the name is somebody else’s while his lease lasts'),
  leasedUntil: z.iso.datetime(),
  sequence: z.number().int().nonnegative().nullable().describe('of the newest report that was taken'),
});
export type ReportRefusal = z.output<typeof ReportRefusalSchema>;
