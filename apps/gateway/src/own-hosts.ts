import type { GatewayConfig } from './gateway.config';

/** Every `host:port` that is this installation: those it was told, and where it listens. */
export function ownHosts({ ENTREPOT_HOSTS, ENTREPOT_HOST, ENTREPOT_PORT }: GatewayConfig): ReadonlySet<string> {
  const listening = ['localhost', '127.0.0.1', ENTREPOT_HOST].map((host) => `${host.toLowerCase()}:${ENTREPOT_PORT}`);
  return new Set([...ENTREPOT_HOSTS, ...listening]);
}
