import { BlockList, isIP, isIPv4 } from 'node:net';

export type AddressKind = 'public' | 'private' | 'loopback' | 'link-local' | 'reserved';

/** What may be connected to besides public addresses. Link-local and reserved ones never are. */
export interface Reach {
  readonly private: boolean;
  readonly loopback: boolean;
}

/** No address of a host may be connected to. */
export class RefusedAddress extends Error {
  override readonly name = 'RefusedAddress';

  constructor(readonly host: string) {
    super(`${host} has no address that may be connected to`);
  }
}

const KINDS: readonly [AddressKind, readonly string[]][] = [
  ['link-local', ['169.254.0.0/16', 'fe80::/10']],
  ['loopback', ['127.0.0.0/8', '::1/128']],
  [
    'private',
    ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '198.18.0.0/15', 'fc00::/7', 'fec0::/10'],
  ],
  // 168.63.129.16 answers instance metadata in one cloud, under a public address.
  [
    'reserved',
    ['0.0.0.0/8', '192.0.0.0/24', '192.0.2.0/24', '224.0.0.0/3', '168.63.129.16/32', '::/128', 'ff00::/8', '2001::/32'],
  ],
];

const LISTS = KINDS.map(([kind, subnets]) => ({ kind, list: listOf(subnets) }));

/** Which of its kinds an IP address is of; one that carries an IPv4 address inside is judged as that. Text that is none is reserved. */
export function addressKind(address: string): AddressKind {
  const plain = isIP(address) === 6 ? (embeddedIPv4(groupsOf(address)) ?? address) : address;
  const version = isIP(plain);
  if (version === 0) return 'reserved';
  return LISTS.find(({ list }) => list.check(plain, version === 4 ? 'ipv4' : 'ipv6'))?.kind ?? 'public';
}

export function isReachable(address: string, reach: Reach): boolean {
  const kind = addressKind(address);
  if (kind === 'private') return reach.private;
  if (kind === 'loopback') return reach.loopback;
  return kind === 'public';
}

/** `localhost`, a name below it (RFC 6761, 6.3), or a loopback address: known without asking a name server. */
export function isLoopbackHost(host: string): boolean {
  const name = bareHost(host).toLowerCase();
  return name === 'localhost' || name.endsWith('.localhost') || (isIP(name) !== 0 && addressKind(name) === 'loopback');
}

/** The host of a URL without the brackets of an IPv6 address. */
export function bareHost(host: string): string {
  return host.replace(/^\[|\]$/g, '');
}

function listOf(subnets: readonly string[]): BlockList {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [network = '', prefix] = subnet.split('/');
    list.addSubnet(network, Number(prefix), isIPv4(network) ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** IPv4-mapped, IPv4-compatible, NAT64 (RFC 6052) and 6to4 (RFC 3056) addresses reach the IPv4 address inside. */
function embeddedIPv4(groups: readonly number[]): string | undefined {
  const upper = groups.slice(0, 6).join();
  if (groups[0] === 0x2002) return dotted(groups[1], groups[2]);
  const mapped = upper === '0,0,0,0,0,65535' || upper === [0x64, 0xff9b, 0, 0, 0, 0].join();
  const compatible = upper === '0,0,0,0,0,0' && groups[6] !== 0;
  return mapped || compatible ? dotted(groups[6], groups[7]) : undefined;
}

function dotted(high = 0, low = 0): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** The eight groups of an IPv6 address; the URL parser spells every form of one in hex, with at most one `::`. */
function groupsOf(address: string): number[] {
  const hex = bareHost(new URL(`http://[${address.split('%')[0]}]`).hostname);
  const [head = '', tail] = hex.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array<string>(zeros).fill('0'), ...after].map((group) => Number.parseInt(group, 16));
}
