import { type Settings, SHORT_TIMES } from '#testing/entrepot';

export const EXTENT_BYTES = 256 * 1024;

/** Small pieces, as many attempts as a service's next start may take of such short pauses, and nothing answered from memory. */
export const QUICK: Settings = {
  ...SHORT_TIMES,
  ENTREPOT_EXTENT_BYTES: String(EXTENT_BYTES),
  ENTREPOT_FIRST_EXTENT_BYTES: String(EXTENT_BYTES),
  ENTREPOT_ATTEMPTS: '50',
  ENTREPOT_FETCH_RENEW_MS: '200',
  ENTREPOT_COMPOSE_RENEW_MS: '200',
  ENTREPOT_COMPOSE_SWEEP_MS: '500',
  ENTREPOT_FETCH_PROGRESS_MS: '100',
  ENTREPOT_PULL_COUNT_MS: '200',
  ENTREPOT_TAG_TTL_MS: '0',
  ENTREPOT_READ_LEASE_AFTER_MS: '100',
  ENTREPOT_HOT_BLOB_BYTES: '1',
};
