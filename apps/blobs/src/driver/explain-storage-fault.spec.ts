import { explainStorageFault } from './explain-storage-fault';
import { StoreBusy } from './store-busy';

const explain = (error: unknown) => explainStorageFault(error, { bucket: 'warehouse' });
const fault = (code: string, message = 'it says so') => Object.assign(new Error(message), { code });

test.each<[string, unknown, string]>([
  [
    'what to do',
    fault('AccessDenied'),
    'list, read, write and delete in the bucket warehouse, or make it (AccessDenied:',
  ],
  ['a code that it has no remedy for', fault('InternalError'), 'InternalError: it says so'],
  ['an error without a code', new Error('socket hang up'), 'socket hang up'],
  ['what asked for rest', new StoreBusy(1, fault('SlowDown')), 'SlowDown: it says so'],
  ['an answer as it was read', { Code: 'InternalError', Message: 'no' }, '{"Code":"InternalError","Message":"no"}'],
])('says %s', (_what, error, said) => {
  expect(explain(error)).toContain(said);
});
