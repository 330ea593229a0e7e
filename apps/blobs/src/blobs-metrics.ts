import { counter, gauge, histogram } from '#telemetry/metrics';

export const actionSeconds = histogram(
  'registry_storage_action_seconds',
  'Time that the store took, by what it was asked for; of a read, until its next bytes came',
  ['driver', 'action'],
  [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 30],
);

export const actionFailures = counter(
  'registry_storage_errors_total',
  'What the store was asked for and did not do, by what it was asked for',
  ['driver', 'action'],
);

export const readBytes = counter('registry_storage_read_bytes_total', 'Bytes read from the store', ['driver']);

export const writtenBytes = counter('registry_storage_written_bytes_total', 'Bytes that the store keeps since', [
  'driver',
]);

export const uploadsRunning = gauge('entrepot_uploads_running', 'Uploads that this process receives bytes of now');

export const uploads = counter(
  'entrepot_uploads_total',
  'Streams into an upload that ended, by how: stored, or broken (what came is kept)',
  ['outcome'],
);

export const uploadMemory = gauge('entrepot_upload_memory_bytes', 'Bytes of uploads that wait in memory for the store');

export const freeBytes = gauge(
  'entrepot_storage_free_bytes',
  'Bytes that are free where the store is; absent where it does not say',
);

export const scrubbed = counter(
  'entrepot_scrubbed_blobs_total',
  'Blobs whose bytes were read again, by what was found: whole, lost (missing or wrong), unread (the store could not say)',
  ['found'],
);

export const scrubbedBytes = counter('entrepot_scrubbed_bytes_total', 'Bytes that were read again and hashed');
