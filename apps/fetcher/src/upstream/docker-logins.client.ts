import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { RegistryError } from '#oci/registry-error';
import type { Credential } from './upstream-file';

const AuthSchema = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
});
const DockerConfigSchema = z.object({
  auths: z.record(z.string(), AuthSchema).default({}),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).default({}),
});
const HelperAnswerSchema = z.object({ Username: z.string(), Secret: z.string().min(1) });

const DOCKER_HUB = 'https://index.docker.io/v1/';
const HELPER_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** What helpers answer instead of a user name when the secret is an OAuth2 refresh token. */
const TOKEN_USER = '<token>';

/** The logins that `docker login` keeps: in `config.json` itself, or with a credential helper. */
export class DockerLogins {
  private readonly folder: string;

  constructor(
    folder = join(homedir(), '.docker'),
    private readonly helperTimeoutMs = 10_000,
  ) {
    this.folder = folder;
  }

  /** The login for a registry, as a reference spells its domain. Throws UNAVAILABLE where it cannot be read. */
  async find(domain: string): Promise<Credential | undefined> {
    const config = await this.readConfig();
    const server = domain === 'docker.io' ? DOCKER_HUB : domain;
    const helper = entryFor(config.credHelpers, server) ?? config.credsStore;
    const stored = helper === undefined ? undefined : await this.askHelper(helper, server);
    const auth = entryFor(config.auths, server);
    return stored ?? (auth === undefined ? undefined : credentialOf(auth));
  }

  private async readConfig(): Promise<z.output<typeof DockerConfigSchema>> {
    try {
      return DockerConfigSchema.parse(JSON.parse(await readFile(join(this.folder, 'config.json'), 'utf8')));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return DockerConfigSchema.parse({});
      throw new RegistryError(
        'UNAVAILABLE',
        "Docker's config.json cannot be read: mend it, or turn ENTREPOT_DOCKER_LOGINS off",
      );
    }
  }

  private async askHelper(name: string, server: string): Promise<Credential | undefined> {
    const program = `docker-credential-${name}`;
    if (!HELPER_NAME.test(name)) throw helperFault('the credential helper');
    const { failed, stdout } = await runHelper(program, server, this.helperTimeoutMs);
    if (failed && /credentials not found/i.test(stdout)) return undefined;
    const { success, data } = HelperAnswerSchema.safeParse(failed ? null : parseJson(stdout));
    if (!success) throw helperFault(program);
    return data.Username === TOKEN_USER
      ? { identityToken: data.Secret }
      : { username: data.Username, password: data.Secret };
  }
}

function runHelper(program: string, server: string, timeout: number): Promise<{ failed: boolean; stdout: string }> {
  return new Promise((resolve) => {
    const options = { timeout, killSignal: 'SIGKILL', maxBuffer: 1024 * 1024, env: process.env } as const;
    const child = execFile(program, ['get'], options, (error, stdout) => resolve({ failed: error !== null, stdout }));
    child.stdin?.on('error', () => {});
    child.stdin?.end(server);
  });
}

function helperFault(program: string): RegistryError {
  return new RegistryError('UNAVAILABLE', `${program} gave no login: mend it, or turn ENTREPOT_DOCKER_LOGINS off`);
}

/** Keys are a host, or a URL of it as older versions of Docker wrote. */
function entryFor<T>(entries: Readonly<Record<string, T>>, server: string): T | undefined {
  const found = Object.entries(entries).find(
    ([key]) => key === server || (server !== DOCKER_HUB && hostOf(key) === server),
  );
  return found?.[1];
}

function hostOf(key: string): string {
  return key
    .replace(/^https?:\/\//, '')
    .replace(/\/.*$/, '')
    .toLowerCase();
}

function credentialOf({
  auth,
  username,
  password,
  identitytoken,
  registrytoken,
}: z.output<typeof AuthSchema>): Credential | undefined {
  if (identitytoken) return { identityToken: identitytoken };
  if (registrytoken) return { token: registrytoken };
  const [user, ...rest] = Buffer.from(auth ?? '', 'base64')
    .toString('utf8')
    .replace(/\0+$/, '')
    .split(':');
  const login = { username: username || user || '', password: password || rest.join(':') };
  return login.username && login.password ? login : undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
