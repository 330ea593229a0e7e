import { constants } from 'node:os';
import { z } from 'zod';

/** What a database keeps: no U+0000, no half of a surrogate pair. Line ends are no fault in an argument. */
const text = (longest: number) =>
  z
    .string()
    .max(longest)
    .refine((value) => !/[\0\p{Cs}]/u.test(value), 'must not contain U+0000 or half a surrogate pair');

const words = text(128 * 1024);
const list = (item: z.ZodString) => z.array(item).max(1000).optional();

const isPath = (value: string) => value.startsWith('/');
const path = text(4096).refine(isPath, 'must be an absolute path');

/** As `docker create --expose` takes it, but for ranges; without a protocol it is TCP's. */
const Port = z
  .string()
  .regex(/^[0-9]{1,5}(\/(tcp|udp|sctp))?$/, 'must be a port and its protocol: 80/tcp')
  .refine((port) => Number.parseInt(port, 10) >= 1 && Number.parseInt(port, 10) <= 65_535, 'must be from 1 to 65535')
  .overwrite((port) => (port.includes('/') ? port : `${port}/tcp`));

const SIGNALS = new Set(Object.keys(constants.signals));

/** A signal by number, or by name with or without SIG, as Docker reads them. */
function isSignal(name: string): boolean {
  if (/^\d{1,2}$/.test(name)) return Number(name) >= 1 && Number(name) <= 64;
  const full = name.toUpperCase().replace(/^(?!SIG)/, 'SIG');
  return SIGNALS.has(full) || /^SIGRT(MIN(\+([1-9]|1[0-5]))?|MAX(-([1-9]|1[0-4]))?)$/.test(full);
}

const Label = text(1024).min(1);

/** A time that Docker counts in nanoseconds, in milliseconds; 0 inherits the image's. */
const wait = z
  .number()
  .max(24 * 60 * 60 * 1000)
  .refine((ms) => ms === 0 || ms >= 1, 'must be 0, or 1 or more');

function isTest([kind, ...rest]: readonly string[]): boolean {
  if (kind === undefined) return true;
  if (kind === 'NONE') return rest.length === 0;
  return kind === 'CMD' ? rest.length > 0 : kind === 'CMD-SHELL' && rest.length === 1;
}

export const HealthcheckSchema = z.strictObject({
  test: z
    .array(words)
    .max(1000)
    .refine(isTest, 'must be ["NONE"], ["CMD", program, …] or ["CMD-SHELL", line]; without any it is the image\'s')
    .optional(),
  intervalMs: wait.optional(),
  timeoutMs: wait.optional(),
  startPeriodMs: wait.optional(),
  startIntervalMs: wait.optional(),
  retries: z.number().int().min(0).max(1_000_000).optional(),
});
export type Healthcheck = z.output<typeof HealthcheckSchema>;

const host = (longest: number) =>
  z
    .string()
    .max(longest)
    .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/, 'must be letters, digits, dots and hyphens')
    .optional();

/** What a container says beside its image: `docker create`'s options, each absent where the image's holds. */
export const RunOverridesSchema = z.strictObject({
  entrypoint: list(words).describe('in place of the image\'s, whose cmd then does not hold either; [""] takes it away'),
  cmd: list(words).describe("in place of the image's"),
  env: list(text(128 * 1024).regex(/^[^=]/, 'must be KEY=value or KEY')).describe(
    "KEY=value, in place of the image's of that key; KEY alone takes it away",
  ),
  labels: z.record(Label, words).optional().describe("beside the image's, in place of those of the same key"),
  exposedPorts: z.array(Port).max(1000).optional().describe("80/tcp, beside the image's"),
  volumes: z
    .array(path.refine((value) => !/^\/+$/.test(value), 'must not be the root'))
    .max(1000)
    .optional()
    .describe("paths, beside the image's"),
  user: text(256).optional(),
  workingDir: path.optional(),
  stopSignal: z.string().max(16).refine(isSignal, 'must be a signal: SIGTERM, TERM or 15').optional(),
  stopTimeout: z.number().int().min(-1).max(86_400).optional().describe('seconds; -1 waits for ever'),
  hostname: host(63).describe("by default the beginning of the container's id"),
  domainname: host(255),
  tty: z.boolean().optional(),
  openStdin: z.boolean().optional(),
  healthcheck: HealthcheckSchema.optional().describe('["NONE"] as its test switches the image\'s off'),
});
export type RunOverrides = z.output<typeof RunOverridesSchema>;
