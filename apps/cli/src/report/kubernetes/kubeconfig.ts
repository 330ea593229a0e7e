import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { PeerFault, type Way } from '../http-peer';
import { bearer, type Cluster, readNamed } from './cluster';

const ClusterSchema = z.object({
  server: z.url({ protocol: /^https?$/ }),
  'certificate-authority': z.string().optional(),
  'certificate-authority-data': z.base64().optional(),
  'insecure-skip-tls-verify': z.boolean().optional(),
  'tls-server-name': z.string().optional(),
  'proxy-url': z.unknown().optional(),
});
const UserSchema = z.object({
  token: z.string().optional(),
  tokenFile: z.string().optional(),
  'client-certificate': z.string().optional(),
  'client-certificate-data': z.base64().optional(),
  'client-key': z.string().optional(),
  'client-key-data': z.base64().optional(),
  username: z.unknown().optional(),
  password: z.unknown().optional(),
  exec: z.unknown().optional(),
  'auth-provider': z.unknown().optional(),
});
const named = <Schema extends z.ZodType>(what: Schema) => z.array(what).nullish();
const KubeconfigSchema = z.object({
  'current-context': z.string().default(''),
  contexts: named(
    z.object({ name: z.string(), context: z.object({ cluster: z.string(), user: z.string().default('') }) }),
  ),
  clusters: named(z.object({ name: z.string(), cluster: ClusterSchema })),
  users: named(z.object({ name: z.string(), user: UserSchema.nullish() })),
});
type NamedCluster = z.output<typeof ClusterSchema>;
type NamedUser = z.output<typeof UserSchema>;

/** A way of logging in that needs another program, or that the API server no longer knows. */
const FOREIGN = ['exec', 'auth-provider', 'username', 'password'] as const;
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

/** The cluster of a context of a kubeconfig, by default its current one. Files that it names lie beside it. Throws PeerFault. */
export async function configuredCluster(path: string, context?: string): Promise<Cluster> {
  const { cluster, user } = choose(readConfig(await readNamed(path), path), path, context);
  const server = new URL(cluster.server);
  if (cluster['proxy-url']) throw new PeerFault(`${path}: a cluster behind a proxy-url cannot be watched`);
  const foreign = FOREIGN.find((field) => user[field] !== undefined && user[field] !== null);
  if (foreign) throw new PeerFault(`${path}: the user logs in by ${foreign}: only a token or a certificate will do`);
  const hasToken = user.token !== undefined || user.tokenFile !== undefined;
  if (hasToken && server.protocol === 'http:' && !LOOPBACK.test(server.hostname))
    throw new PeerFault(`${path}: the token would go to ${server.host} for everybody to read: only https will do`);
  return { address: server.origin, way: () => wayTo(server, cluster, user, dirname(resolve(path))) };
}

/** What is wrong is said by its field alone: the text may hold secrets. */
function readConfig(text: string, path: string): z.output<typeof KubeconfigSchema> {
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: 100, logLevel: 'error' });
  } catch {
    throw new PeerFault(`${path} is no YAML`);
  }
  const { data, error } = KubeconfigSchema.safeParse(document);
  if (data) return data;
  const [issue] = error.issues;
  throw new PeerFault(
    `${path} is no kubeconfig: ${issue?.path.join('.') || 'it'}: ${issue?.code === 'custom' ? 'invalid' : issue?.code}`,
  );
}

function choose(config: z.output<typeof KubeconfigSchema>, path: string, context = config['current-context']) {
  const { contexts, clusters, users } = config;
  const found = contexts?.find(({ name }) => name === context)?.context;
  const cluster = clusters?.find(({ name }) => name === found?.cluster)?.cluster;
  if (!found || !cluster) {
    const known = contexts?.map(({ name }) => name).join(', ') || 'none';
    throw new PeerFault(`${path} has no context ${context || 'that is current'} with a cluster; it has: ${known}`);
  }
  const user = users?.find(({ name }) => name === found.user)?.user ?? {};
  return { cluster, user: user as NamedUser };
}

async function wayTo(server: URL, cluster: NamedCluster, user: NamedUser, folder: string): Promise<Way> {
  const file = async (path: string | undefined, data: string | undefined) =>
    data ? Buffer.from(data, 'base64') : path && Buffer.from(await readNamed(resolve(folder, path)));
  const ca = await file(cluster['certificate-authority'], cluster['certificate-authority-data']);
  const cert = await file(user['client-certificate'], user['client-certificate-data']);
  const key = await file(user['client-key'], user['client-key-data']);
  const token = user.tokenFile ? await readNamed(resolve(folder, user.tokenFile)) : user.token;
  const isTls = server.protocol === 'https:';
  return {
    isTls,
    options: {
      host: server.hostname.replace(/^\[|\]$/g, ''),
      port: server.port || (isTls ? 443 : 80),
      path: server.pathname.replace(/\/$/, ''),
      ...(ca ? { ca } : {}),
      ...(cert && key ? { cert, key } : {}),
      ...(cluster['tls-server-name'] ? { servername: cluster['tls-server-name'] } : {}),
      ...(cluster['insecure-skip-tls-verify'] ? { rejectUnauthorized: false } : {}),
    },
    ...(token === undefined ? {} : { headers: bearer(token) }),
  };
}
