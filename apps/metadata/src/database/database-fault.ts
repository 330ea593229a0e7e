import { isRegistryError, RegistryError, timedOut, unavailable } from '#oci/registry-error';

/** Whoever asks again after this many seconds meets a restarted Postgres, if all is well. */
const RETRY_AFTER_SECONDS = 5;

interface PostgresError {
  readonly code?: string;
  readonly constraint?: string;
}

function cause(error: unknown): PostgresError & Error {
  const outer = error as { driverError?: unknown };
  return (outer?.driverError ?? error) as PostgresError & Error;
}

const AWAY_CODES = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN'],
  // admin_shutdown, crash_shutdown, cannot_connect_now, too_many_connections, read_only_sql_transaction (a replica).
  ...['57P01', '57P02', '57P03', '53300', '25006'],
  // disk_full, out_of_memory, idle_in_transaction_session_timeout, lock_not_available (waited too long).
  ...['53100', '53200', '25P03', '55P03'],
]);
/** TypeORM gives a connection back once it is lost: a transaction that goes on is told that it has none any more. */
const AWAY_TEXT =
  /^(Query runner already released|Connection terminated|timeout expired|timeout exceeded when trying to connect|Client has encountered|Client was closed)/;

/** Whether Postgres is away or overloaded, rather than having refused what was asked. */
export function isAway(error: unknown): boolean {
  const { code, message } = cause(error);
  if (code !== undefined && (AWAY_CODES.has(code) || code.startsWith('08'))) return true;
  return (
    AWAY_TEXT.test(message ?? '') || /^Query read timeout|^Connection is closed|Connection ended/i.test(message ?? '')
  );
}

/** A deadlock or a serialization failure: the transaction did nothing and may be run again. */
export function isRetryable(error: unknown): boolean {
  const { code } = cause(error);
  return code === '40001' || code === '40P01';
}

/** Whether a named constraint refused it. */
export function violates(error: unknown, ...constraints: string[]): boolean {
  const { constraint } = cause(error);
  return constraint !== undefined && constraints.includes(constraint);
}

const isFull = (error: unknown): boolean => cause(error)?.code === '53100';

/** What a caller is told: away is UNAVAILABLE, never a wrong answer; what we threw ourselves stays as it is. */
export function databaseFault(error: unknown): unknown {
  if (isRegistryError(error)) return error;
  if (isFull(error))
    return new RegistryError('UNAVAILABLE', "the database's disk is full: free space, or give it more", {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
      cause: error,
    });
  if (isAway(error) || isRetryable(error)) return unavailable('the database', RETRY_AFTER_SECONDS, error);
  if (cause(error)?.code === '57014') return timedOut('the database', RETRY_AFTER_SECONDS);
  return error;
}
