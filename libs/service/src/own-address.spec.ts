import type { NetworkInterfaceInfo } from 'node:os';
import { ownAddress } from './own-address';

const at = (address: string, internal = false) =>
  ({ address, internal, family: address.includes(':') ? 'IPv6' : 'IPv4' }) as NetworkInterfaceInfo;

describe('where other replicas reach this one', () => {
  test.each([
    ['127.0.0.1', {}, 'http://127.0.0.1:7'],
    ['blobs-0.blobs', {}, 'http://blobs-0.blobs:7'],
    ['fd00::1', {}, 'http://[fd00::1]:7'],
    ['0.0.0.0', { lo: [at('127.0.0.1', true)], eth0: [at('10.0.0.9')] }, 'http://10.0.0.9:7'],
    ['::', { eth0: [at('fe80::1'), at('fd00::2'), at('10.0.0.9')] }, 'http://10.0.0.9:7'],
    ['::', { eth0: [at('fe80::1'), at('fd00::2')] }, 'http://[fd00::2]:7'],
    ['0.0.0.0', { lo: [at('127.0.0.1', true)] }, 'http://127.0.0.1:7'],
  ])('that listens on %s among %j: %s', (host, interfaces, url) => {
    expect(ownAddress(host, 7, interfaces)).toBe(url);
  });
});
