import { isIPv6 } from 'node:net';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';

type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>;

const EVERYWHERE = new Set(['0.0.0.0', '::']);

/**
 * Where other machines reach what listens on `host`: where that is every address, the first one that is not this
 * machine's alone, IPv4 before IPv6.
 */
export function ownAddress(host: string, port: number, interfaces: Interfaces = networkInterfaces()): string {
  const address = EVERYWHERE.has(host) ? (firstOutside(interfaces) ?? '127.0.0.1') : host;
  return `http://${isIPv6(address) ? `[${address}]` : address}:${port}`;
}

function firstOutside(interfaces: Interfaces): string | undefined {
  const outside = Object.values(interfaces).flatMap((each) => each ?? []);
  const usable = outside.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  return (usable.find(({ family }) => family === 'IPv4') ?? usable[0])?.address;
}
