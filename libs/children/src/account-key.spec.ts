import { accountOf, isAccountSeed, makeAccountSeed } from './account-key';

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

  it('is known by its checksum', () => {
    const seed = makeAccountSeed();
    const other = seed.endsWith('A') ? 'B' : 'A';
    expect(isAccountSeed(seed)).toBe(true);
    for (const damaged of [
      '',
      'garbage',
      seed.slice(0, -1),
      `${seed.slice(0, 20)}${seed[20] === 'A' ? 'B' : 'A'}${seed.slice(21)}`,
    ])
      expect(isAccountSeed(damaged)).toBe(false);
    expect(isAccountSeed(`${seed.slice(0, -1)}${other}`)).toBe(false);
  });
});
