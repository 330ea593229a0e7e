import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos, type WithRequired } from '@nats-io/transport-node';
import { FACT_STREAM, FACT_SUBJECTS } from '#contracts/facts';
import { REQUEST_STREAM, REQUEST_SUBJECTS } from '#contracts/requests';

export const DEAD_STREAM = 'ENTREPOT_DEAD';
export const DEAD_PREFIX = 'entrepot.dead';
export const OUTCOME_STREAM = 'ENTREPOT_OUTCOMES';
export const OUTCOME_PREFIX = 'entrepot.outcome';

const MIB = 1024 * 1024;
const DAY_MS = 24 * 60 * 60_000;
const NAME_IN_USE = 10058;

type StreamDefinition = WithRequired<Partial<StreamConfig>, 'name' | 'subjects'>;

const COMMON = { storage: StorageType.File, allow_direct: true, discard: DiscardPolicy.Old };

/**
 * Requests leave their stream once they were taken in, and a full stream refuses new ones rather than lose one that
 * was acknowledged. The server's own duplicate check is as good as off there: it would swallow a second message with
 * the same id but another body, of which the database makes a failed operation.
 * Outcomes are the last word on each operation, readable one by one (a principal's own, by subject, with direct get).
 */
export const STREAMS: readonly StreamDefinition[] = [
  {
    ...COMMON,
    name: REQUEST_STREAM,
    subjects: [REQUEST_SUBJECTS],
    retention: RetentionPolicy.Workqueue,
    discard: DiscardPolicy.New,
    max_age: nanos(30 * DAY_MS),
    max_bytes: 256 * MIB,
    duplicate_window: nanos(100),
  },
  {
    ...COMMON,
    name: FACT_STREAM,
    subjects: [FACT_SUBJECTS],
    retention: RetentionPolicy.Limits,
    max_age: nanos(7 * DAY_MS),
    max_bytes: 256 * MIB,
    duplicate_window: nanos(10 * 60_000),
  },
  {
    ...COMMON,
    name: OUTCOME_STREAM,
    subjects: [`${OUTCOME_PREFIX}.*.*`],
    retention: RetentionPolicy.Limits,
    max_msgs_per_subject: 1,
    max_age: nanos(7 * DAY_MS),
    max_bytes: 64 * MIB,
    duplicate_window: nanos(10 * 60_000),
  },
  {
    ...COMMON,
    name: DEAD_STREAM,
    subjects: [`${DEAD_PREFIX}.>`],
    retention: RetentionPolicy.Limits,
    max_age: nanos(30 * DAY_MS),
    max_bytes: 128 * MIB,
    duplicate_window: nanos(10 * 60_000),
  },
];

/** Makes the streams that are missing and brings the others to what is written here. Harmless when repeated. */
export async function ensureStreams(manager: JetStreamManager, replicas: number): Promise<void> {
  for (const definition of STREAMS) {
    await ensureStream(manager, { ...definition, num_replicas: replicas });
  }
}

async function ensureStream(manager: JetStreamManager, definition: StreamDefinition): Promise<void> {
  try {
    await manager.streams.add(definition);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== NAME_IN_USE) throw error;
    await manager.streams.update(definition.name, definition);
  }
}

/** Which stream keeps what is published there; undefined for a subject of none. */
export function streamOf(subject: string): string | undefined {
  const holds = (pattern: string) => subject.startsWith(pattern.replace(/[*>].*$/, ''));
  return STREAMS.find(({ subjects }) => subjects.some(holds))?.name;
}
