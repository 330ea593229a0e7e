import { ChildFault } from '#children/child-process';
import { explainServerFault } from './explain-server-fault';

describe('a server that does not start', () => {
  it.each([
    [
      'FATAL:  could not write to file "pg_wal/xlogtemp.1": No space left on device',
      /^ENTREPOT_DATA: the disk of \/d is full/,
    ],
    [
      'initdb: could not look up effective user ID 12345: user does not exist',
      /^Postgres needs .* user 12345 has none/,
    ],
    [
      "[7] 2026/11/23 15:36:01.1 [FTL] Can't start JetStream: could not create storage directory - mkdir /e/nats/jetstream: permission denied",
      /^ENTREPOT_DATA: this user may not write to \/[^ ]*\. /,
    ],
    [
      'FATAL:  could not open file "/e/postgres/data/global/pg_control": Permission denied',
      /^ENTREPOT_DATA: this user may not write to \/[^ ]*\. /,
    ],
    [
      "[FTL] Can't start JetStream: mkdir /e/nats/jetstream: read-only file system",
      /^ENTREPOT_DATA: \/e\/nats\/jetstream lies on a read-only file system/,
    ],
    ['FATAL:  something else', /^initdb failed:\n {2}FATAL: {2}something else$/],
  ])('after %j is explained in one line where that can be', (line, text) => {
    const fault = new ChildFault('initdb failed:', [line]);
    expect(explainServerFault('/d', fault)).toHaveProperty('message', expect.stringMatching(text));
  });

  it('for want of space outside a child is explained as well', () => {
    const fault = Object.assign(new Error('write'), { code: 'ENOSPC' });
    expect(explainServerFault('/d', fault)).toHaveProperty('message', expect.stringMatching(/the disk of/));
  });
});
