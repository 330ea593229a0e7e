import ts from 'typescript';

const STORAGE_CALLS = new Set([
  'makeRequestStreamAsync',
  'putObject',
  'fPutObject',
  'copyObject',
  'composeObject',
  'removeObject',
  'removeObjects',
  'removeIncompleteUpload',
  'initiateNewMultipartUpload',
  'uploadPart',
  'completeMultipartUpload',
  'abortMultipartUpload',
]);
const FILE_CALLS = new Set(['rename', 'renameSync', 'fsync', 'fsyncSync', 'fdatasync', 'fdatasyncSync']);
const HANDLE_CALLS = new Set(['sync', 'datasync']);
/** A nak is none: the message comes again without it too. */
const ACKS = new Set(['ack', 'ackAck', 'term']);

/** Says what durable thing a call does, or nothing. */
export function durableThing(call, name, file) {
  const first = call.arguments[0];
  if (FILE_CALLS.has(name)) return name;
  if (name === 'commitTransaction') return 'a commit';
  if (name === 'query' && /^\s*["'`]\s*(COMMIT|END)\b/i.test(first?.getText() ?? '')) return 'a commit';
  if (!ts.isPropertyAccessExpression(call.expression)) return undefined;
  if (HANDLE_CALLS.has(name) && !first) return 'an fsync';
  if (STORAGE_CALLS.has(name)) return 'a storage call';
  if (name === 'transaction' && first && ts.isFunctionLike(first)) return 'a transaction without a step';
  if (!file.startsWith('libs/messaging/')) return undefined;
  const target = call.expression.expression.getText();
  if (name === 'publish' && /jetstream|\bjs\b/i.test(target)) return 'a publish';
  return ACKS.has(name) ? 'an ack' : undefined;
}
