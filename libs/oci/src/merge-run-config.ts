import { z } from 'zod';
import type { ImageRunConfig } from './image-config';
import type { Healthcheck, RunOverrides } from './run-overrides';

/** What a container runs with. Times are milliseconds, but for `stopTimeout`, which is seconds. */
export const RunConfigSchema = z.object({
  entrypoint: z.array(z.string()),
  cmd: z.array(z.string()),
  env: z.array(z.string()),
  labels: z.record(z.string(), z.string()),
  exposedPorts: z.array(z.string()),
  volumes: z.array(z.string()),
  user: z.string(),
  workingDir: z.string(),
  stopSignal: z.string(),
  stopTimeout: z.number().nullable(),
  hostname: z.string(),
  domainname: z.string(),
  tty: z.boolean(),
  openStdin: z.boolean(),
  healthcheck: z
    .object({
      test: z.array(z.string()),
      intervalMs: z.number(),
      timeoutMs: z.number(),
      startPeriodMs: z.number(),
      startIntervalMs: z.number(),
      retries: z.number(),
    })
    .partial()
    .nullable(),
});
export type RunConfig = z.output<typeof RunConfigSchema>;

/**
 * The image's defaults and what the container says, as Docker 29 puts them together (Docker 20.10 also cleans the working
 * directory that the image itself says). `id` is the container's, whose
 * beginning is its host name where it says none.
 */
export function mergeRunConfig(image: ImageRunConfig, own: RunOverrides, id: string): RunConfig {
  return {
    ...mergeCommand(image, own),
    env: mergeEnv(image.env, own.env ?? []),
    labels: { ...image.labels, ...own.labels },
    exposedPorts: union(own.exposedPorts ?? [], image.exposedPorts),
    volumes: union(own.volumes ?? [], image.volumes),
    user: own.user || (image.user ?? ''),
    workingDir: own.workingDir ? cleanPath(own.workingDir) : (image.workingDir ?? ''),
    stopSignal: own.stopSignal || (image.stopSignal ?? ''),
    stopTimeout: own.stopTimeout ?? null,
    hostname: own.hostname || id.slice(0, 12),
    domainname: own.domainname ?? '',
    tty: own.tty ?? false,
    openStdin: own.openStdin ?? false,
    healthcheck: mergeHealthcheck(image.healthcheck, own.healthcheck),
  };
}

/** An entrypoint of one's own resets the image's cmd. An empty list alone keeps that; `[""]` takes both away. */
function mergeCommand(image: ImageRunConfig, own: RunOverrides): Pick<RunConfig, 'entrypoint' | 'cmd'> {
  const said = own.entrypoint ?? [];
  const ownCmd = own.cmd ?? [];
  const cmd = said.length === 0 && ownCmd.length === 0 ? image.cmd : ownCmd;
  const entrypoint = own.entrypoint ?? image.entrypoint;
  return { cmd, entrypoint: entrypoint.length === 1 && entrypoint[0] === '' ? [] : entrypoint };
}

/** One's own first, then those of the image whose key is not among them. */
function mergeEnv(image: readonly string[], own: readonly string[]): string[] {
  const keyOf = (entry: string) => entry.split('=', 1)[0];
  const keys = new Set(own.map(keyOf));
  return [...own, ...image.filter((entry) => !keys.has(keyOf(entry)))];
}

/** Part by part; what is zero or empty is as good as unsaid, and is left out. */
function mergeHealthcheck(
  raw: Readonly<Record<string, unknown>> | undefined,
  own: Healthcheck | undefined,
): Healthcheck | null {
  const image = raw && readHealthcheck(raw);
  if (!image && !own) return null;
  return { ...whatIsSaid(image ?? {}), ...whatIsSaid(own ?? {}) };
}

const whatIsSaid = (healthcheck: Healthcheck): Healthcheck =>
  Object.fromEntries(Object.entries(healthcheck).filter(([, value]) => !isUnsaid(value)));

const isUnsaid = (value: Healthcheck[keyof Healthcheck]) =>
  value === undefined || value === 0 || (Array.isArray(value) && value.length === 0);

const NANOSECONDS = 1_000_000;

/** As a config writes it: nanoseconds, and a field of the wrong type is as good as absent. */
function readHealthcheck(raw: Readonly<Record<string, unknown>>): Healthcheck {
  const { Test, Interval, Timeout, StartPeriod, StartInterval, Retries } = raw;
  const test = Array.isArray(Test) ? Test.filter((word) => typeof word === 'string') : undefined;
  const ms = (value: unknown) => (typeof value === 'number' ? value / NANOSECONDS : undefined);
  const read = {
    test,
    intervalMs: ms(Interval),
    timeoutMs: ms(Timeout),
    startPeriodMs: ms(StartPeriod),
    startIntervalMs: ms(StartInterval),
    retries: typeof Retries === 'number' ? Retries : undefined,
  };
  return Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined));
}

function union(own: readonly string[], image: readonly string[]): string[] {
  return [...new Set([...own, ...image])].sort();
}

/** `/a//b/../c/` is `/a/c`. */
function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
