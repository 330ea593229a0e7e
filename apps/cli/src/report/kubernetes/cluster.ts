import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PeerFault, type Way } from '../http-peer';

/** How the API server of a cluster is reached, as whom. */
export interface Cluster {
  /** Where it is, as messages say it. */
  readonly address: string;
  way(): Promise<Way>;
}

type Environment = Readonly<Record<string, string | undefined>>;

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The cluster that this runs in, as its service account. Throws PeerFault where it runs in none. */
export function ownCluster(env: Environment, account = ACCOUNT): Cluster {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = env;
  if (host === '') throw new PeerFault('this is no pod of a cluster: name a kubeconfig by --kubeconfig or KUBECONFIG');
  const address = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  if (!URL.canParse(address)) throw new PeerFault('KUBERNETES_SERVICE_HOST and _PORT are no address');
  return {
    address,
    // The kubelet writes another token long before one runs out, and the authority's certificates as they change.
    way: async () => {
      const [token, ca] = await Promise.all(['token', 'ca.crt'].map((name) => readNamed(join(account, name))));
      return { isTls: true, options: { host, port, ca }, headers: bearer(token!) };
    },
  };
}

/** The header that a token goes in. Throws PeerFault for what can be no token, without saying it. */
export function bearer(token: string): Record<string, string> {
  const trimmed = token.trim();
  if (/^[\x21-\x7e]+$/.test(trimmed)) return { Authorization: `Bearer ${trimmed}` };
  throw new PeerFault('the token for the cluster is empty, or has signs that no token has');
}

export async function readNamed(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new PeerFault(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}
