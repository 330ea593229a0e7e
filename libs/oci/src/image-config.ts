import { z } from 'zod';
import { dropNulls } from './drop-nulls';
import { manifestInvalid } from './registry-error';

/**
 * A config is read for people and for run defaults; nothing that guards bytes is decided by it.
 * So a field of the wrong type is as good as absent, and a list or map keeps what reads well.
 */
const Text = z.string().optional().catch(undefined);
const Texts = z
  .array(z.unknown())
  .catch([])
  .transform((list) => list.filter((item) => typeof item === 'string'));
const TextMap = z
  .record(z.string(), z.unknown())
  .catch({})
  .transform((map) => Object.fromEntries(Object.entries(map).filter(([, value]) => typeof value === 'string')))
  .pipe(z.record(z.string(), z.string()));
/** How Docker writes a set: its members are keys, each with an empty object. */
const Keys = z
  .record(z.string(), z.unknown())
  .catch({})
  .transform((set) => Object.keys(set));

const RunConfig = z
  .object({
    User: Text,
    ExposedPorts: Keys,
    Env: Texts,
    Entrypoint: Texts,
    Cmd: Texts,
    Volumes: Keys,
    WorkingDir: Text,
    Labels: TextMap,
    StopSignal: Text,
    Shell: Texts,
    Healthcheck: z.record(z.string(), z.unknown()).optional().catch(undefined),
  })
  .transform((raw) => ({
    user: raw.User,
    exposedPorts: raw.ExposedPorts,
    env: raw.Env,
    entrypoint: raw.Entrypoint,
    cmd: raw.Cmd,
    volumes: raw.Volumes,
    workingDir: raw.WorkingDir,
    labels: raw.Labels,
    stopSignal: raw.StopSignal,
    shell: raw.Shell,
    healthcheck: raw.Healthcheck,
  }));

const HistoryEntry = z
  .object({
    created: Text,
    created_by: Text,
    author: Text,
    comment: Text,
    empty_layer: z.boolean().catch(false),
  })
  .transform(({ created_by, empty_layer, ...entry }) => ({ ...entry, createdBy: created_by, emptyLayer: empty_layer }));

/** OCI image configuration specification, in the names of this code; `created` as written, RFC 3339 where the builder kept to it. */
const ImageConfigSchema = z
  .object({
    created: Text,
    author: Text,
    os: z.string().catch(''),
    architecture: z.string().catch(''),
    variant: Text,
    'os.version': Text,
    config: z.preprocess(objectOrEmpty, RunConfig),
    rootfs: z
      .preprocess(objectOrEmpty, z.object({ diff_ids: Texts }))
      .transform(({ diff_ids }) => ({ diffIds: diff_ids })),
    history: z.preprocess((list) => (Array.isArray(list) ? list.map(objectOrEmpty) : []), z.array(HistoryEntry)),
  })
  .transform(({ 'os.version': osVersion, ...config }) => ({ ...config, osVersion }));

export type ImageConfig = z.infer<typeof ImageConfigSchema>;
export type ImageRunConfig = ImageConfig['config'];
export type ImageHistoryEntry = ImageConfig['history'][number];

/** Reads what an image says of itself. Throws MANIFEST_INVALID where the bytes are no JSON object; the caller bounds their number. */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const raw = readObject(bytes);
  if (raw === undefined) throw manifestInvalid('config: the image config must be a JSON object');
  return ImageConfigSchema.parse(raw);
}

function readObject(bytes: Uint8Array): object | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function objectOrEmpty(value: unknown): unknown {
  return isObject(value) ? dropNulls(value) : {};
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
