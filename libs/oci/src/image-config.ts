import { z } from 'zod';
import { dropNulls } from './drop-nulls';
import { manifestInvalid } from './registry-error';

/** A field of the wrong type is as good as absent: a config is read for people, and nothing is decided by it. */
const lenient = <T extends z.ZodType>(schema: T) => z.preprocess(dropNulls, schema.optional().catch(undefined));

const Strings = z.array(z.string());
/** How Docker writes a set: its keys, each with an empty object. */
const KeySet = z.record(z.string(), z.unknown()).transform((set) => Object.keys(set));

const RunConfigSchema = z.object({
  User: lenient(z.string()),
  ExposedPorts: lenient(KeySet),
  Env: lenient(Strings),
  Entrypoint: lenient(Strings),
  Cmd: lenient(Strings),
  Volumes: lenient(KeySet),
  WorkingDir: lenient(z.string()),
  Labels: lenient(z.record(z.string(), z.string())),
  StopSignal: lenient(z.string()),
  Shell: lenient(Strings),
  Healthcheck: lenient(z.record(z.string(), z.unknown())),
});
