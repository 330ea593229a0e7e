import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PeerFault, type Way } from '../http-peer';

type Environment = Readonly<Record<string, string | undefined>>;

export interface Engine {
  /** Where it is, as messages say it. */
  readonly address: string;
  /** Certificates are read anew each time: they are renewed while we run. */
  way(): Promise<Way>;
}

/** The engine that `docker` itself would use: DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH. Throws PeerFault. */
export function findEngine(host: string | undefined, env: Environment): Engine {
  const named = host || env.DOCKER_HOST || 'unix:///var/run/docker.sock';
  const [, scheme, rest = ''] = /^([a-z]+):\/\/(.*)$/.exec(named) ?? [];
  if (scheme === 'unix' && rest.startsWith('/')) {
    return { address: named, way: async () => ({ isTls: false, options: { socketPath: rest, host: 'docker' } }) };
  }
  if (scheme === 'tcp' && URL.canParse(`http://${rest}`)) return tcpEngine(new URL(`http://${rest}`), env);
  throw new PeerFault(
    'the engine must be unix:///path/to/its.sock or tcp://host:port: name it by --host or DOCKER_HOST',
  );
}

function tcpEngine({ hostname, port: typed, pathname }: URL, env: Environment): Engine {
  const isTls = (env.DOCKER_TLS_VERIFY ?? '') !== '';
  const port = typed || (isTls ? '2376' : '2375');
  const options = { host: hostname.replace(/^\[|\]$/g, ''), port, path: pathname.replace(/\/$/, '') };
  const folder = env.DOCKER_CERT_PATH || join(homedir(), '.docker');
  return {
    address: `tcp://${hostname}:${port}`,
    way: async () => ({ isTls, options: isTls ? { ...options, ...(await readCertificates(folder)) } : options }),
  };
}

async function readCertificates(folder: string) {
  const read = (name: string) => readFile(join(folder, name));
  try {
    const [ca, cert, key] = await Promise.all([read('ca.pem'), read('cert.pem'), read('key.pem')]);
    return { ca, cert, key };
  } catch (error) {
    throw new PeerFault(`the engine's certificates cannot be read: ${(error as Error).message}`);
  }
}
