import { databaseFault, isAway } from './database-fault';

const fault = (code: string) => Object.assign(new Error('no'), { code });

test('a full disk is said to be full, with what to do, and may be asked again later', () => {
  const full = fault('53100');
  expect(isAway(full)).toBe(true);
  expect(databaseFault(full)).toMatchObject({
    code: 'UNAVAILABLE',
    message: "the database's disk is full: free space, or give it more",
    retryAfterSeconds: 5,
    cause: full,
  });
});

test('a server that ends is away', () => {
  expect(databaseFault(fault('57P01'))).toMatchObject({
    code: 'UNAVAILABLE',
    message: 'the database is not available at the moment',
  });
});
