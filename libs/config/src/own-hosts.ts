/** The settings that say under which names this installation is reached. */
export interface HostSettings {
  readonly ENTREPOT_HOSTS: readonly string[];
  readonly ENTREPOT_HOST: string;
  readonly ENTREPOT_PORT: number;
}

/** Every `host:port` that is this installation, lowercase: those it was told, and where it listens. */
export function ownHosts({ ENTREPOT_HOSTS, ENTREPOT_HOST, ENTREPOT_PORT }: HostSettings): ReadonlySet<string> {
  const listening = ['localhost', '127.0.0.1', ENTREPOT_HOST].map((host) => `${host.toLowerCase()}:${ENTREPOT_PORT}`);
  return new Set([...ENTREPOT_HOSTS, ...listening]);
}
