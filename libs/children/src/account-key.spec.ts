import { accountOf, makeAccountSeed } from './account-key';

describe('the key of an account', () => {
  it('is written as NATS tools write it', () => {
    const seed = makeAccountSeed(Uint8Array.from({ length: 32 }, (_, at) => at));
    expect([seed, accountOf(seed)]).toEqual([
      'SAAAAAICAMCAKBQHBAEQUCYMBUHA6EARCIJRIFIWC4MBSGQ3DQOR4HYMHI',
      'AAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3QPZV',
    ]);
  });

  it('is another one each time', () => {
    expect(makeAccountSeed()).not.toBe(makeAccountSeed());
  });
});
