import type { ByteSource } from '#calls/byte-source';
import { inSpan } from '#telemetry/tracing';
import { actionFailures, actionSeconds, readBytes, writtenBytes } from '../blobs-metrics';
import type { BlobDriver, ObjectComposer } from './blob-driver';

type Act = (...args: never[]) => Promise<unknown>;

/** Each is one request to the store, or a few. */
const ACTIONS = [
  'write',
  'trim',
  'purge',
  'quarantine',
  'list',
  'check',
  'readSegment',
  'lastSegment',
  'listJournals',
  'writeSegment',
] as const;

/** The same driver, with the time counted that its store takes and what it fails to do. */
export function watchDriver(driver: BlobDriver, name: string): BlobDriver {
  const watched = new Map<PropertyKey, unknown>(
    ACTIONS.map((action) => [action, timed(name, action, (driver[action] as Act).bind(driver))]),
  );
  watched.set('read', (...args: Parameters<BlobDriver['read']>) => watchSource(name, driver.read(...args)));
  watched.set('write', async (...args: Parameters<BlobDriver['write']>) => {
    const key = await timed(name, 'write', driver.write.bind(driver))(...args);
    writtenBytes.inc({ driver: name }, sizeOf(args[2]));
    return key;
  });
  watched.set('composer', driver.composer && watchComposer(name, driver.composer));
  return new Proxy(driver, { get: (target, key) => watched.get(key) ?? Reflect.get(target, key) });
}

function watchComposer(name: string, composer: ObjectComposer): ObjectComposer {
  return { compose: timed(name, 'compose', composer.compose.bind(composer)) };
}

function watchSource(name: string, source: ByteSource): ByteSource {
  const next = timed(name, 'read', source.next.bind(source));
  return {
    async next(spare) {
      const bytes = await next(spare);
      if (bytes !== null) readBytes.inc({ driver: name }, bytes.byteLength);
      return bytes;
    },
    close: () => source.close(),
  };
}

function timed<Args extends unknown[], T>(driver: string, action: string, act: (...args: Args) => Promise<T>) {
  return async (...args: Args): Promise<T> => {
    const began = performance.now();
    try {
      // Bytes are read a piece at a time: who reads them is a span, each piece is none.
      if (action === 'read') return await act(...args);
      const options = { role: 'client', attributes: { 'entrepot.store': driver } } as const;
      return await inSpan(`storage ${action}`, options, () => act(...args));
    } catch (error) {
      actionFailures.inc({ driver, action });
      throw error;
    } finally {
      actionSeconds.observe({ driver, action }, (performance.now() - began) / 1000);
    }
  };
}

function sizeOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
