import { counter, gauge } from '#telemetry/metrics';

export const operations = gauge(
  'entrepot_operations',
  'Operations that have not ended, by kind and state: accepted (waiting), running',
  ['kind', 'state'],
);

export const operationAge = gauge(
  'entrepot_operation_oldest_seconds',
  'How long ago the oldest operation was accepted that has not ended; 0 where there is none',
);

export const wantedFills = gauge('entrepot_fills', 'Blobs that are to come from upstreams, by state: wanted, running', [
  'state',
]);

export const reviewsDue = gauge(
  'entrepot_reviews_due',
  'Reviews that are due: images and blobs of which cleanup has to decide; counted up to 10,000',
);

export const purgesDue = gauge(
  'entrepot_purges_due',
  'Objects whose bytes are to be deleted now: purging, or condemned and past their grace; counted up to 10,000',
);

export const uploadSessions = gauge('entrepot_upload_sessions', 'Uploads that have not ended; counted up to 10,000');

export const journalRows = gauge(
  'entrepot_journal_rows',
  'Changes of names that are not in the store yet; counted up to 10,000',
);

export const outboxRows = gauge('entrepot_outbox_rows', 'Facts that are not published yet; counted up to 10,000');

export const outboxAge = gauge(
  'entrepot_outbox_oldest_seconds',
  'How long ago the oldest fact happened that is not published yet; 0 where there is none',
);

export const connections = gauge(
  'entrepot_database_connections',
  'Connections of this process to Postgres, by state: busy, idle',
  ['state'],
);

export const connectionWaits = gauge(
  'entrepot_database_waiting',
  'Questions of this process that wait for a connection to Postgres now',
);

export const databaseRetries = counter(
  'entrepot_database_retries_total',
  'Transactions and reads that were run again: after a deadlock or a serialization failure (conflict), or a lost connection (away)',
  ['reason'],
);

export const blobsLost = counter(
  'entrepot_blobs_lost_total',
  'Blobs whose bytes were found missing or wrong, by whoever found it: a reader, the scrub, fsck',
);
