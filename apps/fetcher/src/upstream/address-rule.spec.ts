import { addressKind, isLoopbackHost, isReachable } from './address-rule';

describe('an address is judged by what it reaches', () => {
  it.each([
    ['8.8.8.8', 'public'],
    ['2606:4700::1111', 'public'],
    ['169.254.169.254', 'link-local'],
    ['fe80::1', 'link-local'],
    ['fe80::1%eth0', 'link-local'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['::1', 'loopback'],
    ['10.1.2.3', 'private'],
    ['172.31.0.1', 'private'],
    ['172.32.0.1', 'public'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'private'],
    ['fd00::1', 'private'],
    ['fd00:ec2::254', 'private'],
    ['0.0.0.0', 'reserved'],
    ['::', 'reserved'],
    ['224.0.0.1', 'reserved'],
    ['255.255.255.255', 'reserved'],
    ['168.63.129.16', 'reserved'],
    ['not an address', 'reserved'],
  ])('%s is %s', (address, kind) => {
    expect(addressKind(address)).toBe(kind);
  });

  it.each([
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['::ffff:169.254.169.254', 'link-local'],
    ['::127.0.0.1', 'loopback'],
    ['64:ff9b::a9fe:a9fe', 'link-local'],
    ['64:ff9b::10.0.0.1', 'private'],
    ['2002:a00:1::', 'private'],
    ['::ffff:8.8.8.8', 'public'],
  ])('%s carries an IPv4 address inside, which is %s', (address, kind) => {
    expect(addressKind(address)).toBe(kind);
  });

  it('link-local and reserved addresses are out of reach for everybody', () => {
    const all = { private: true, loopback: true };
    expect(['169.254.169.254', 'fe80::1', '0.0.0.0', '::'].filter((address) => isReachable(address, all))).toEqual([]);
    const addresses = ['8.8.8.8', '10.0.0.1', '127.0.0.1'];
    expect(addresses.filter((address) => isReachable(address, { private: false, loopback: false }))).toEqual([
      '8.8.8.8',
    ]);
  });

  it('loopback hosts are known without a name server', () => {
    const hosts = [
      'localhost',
      'LOCALHOST',
      'a.localhost',
      '127.0.0.9',
      '[::1]',
      '0.0.0.0',
      'localhost.evil.test',
      '10.0.0.1',
    ];
    expect(hosts.filter(isLoopbackHost)).toEqual(['localhost', 'LOCALHOST', 'a.localhost', '127.0.0.9', '[::1]']);
  });
});
