import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nkeys } from '@nats-io/transport-node';
import { LOCALHOST_CERTIFICATE } from '#testing/localhost-certificate';
import { until } from './broker.testing';
import { Bus } from './bus';
import { type ConfiguredServer, configuredServer } from './configured-server.testing';
import type { NatsSettings } from './nats.config';
import { type KeyPair, signClaims } from './nats-jwt';

const seedOf = (key: KeyPair) => Buffer.from(key.getSeed()).toString();
const user = nkeys.createUser();
const stranger = nkeys.createUser();

/** A credentials file of an account that this operator knows. */
function operatorMode() {
  const [operator, system, account] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createAccount()];
  const accountOf = (key: KeyPair, name: string) =>
    signClaims(operator, { sub: key.getPublicKey(), name, nats: { type: 'account', version: 2, limits: UNLIMITED } });
  const userClaims = { sub: user.getPublicKey(), name: 'u', nats: { type: 'user', version: 2, ...UNLIMITED } };
  const creds = (signer: KeyPair) =>
    `-----BEGIN NATS USER JWT-----\n${signClaims(signer, userClaims)}\n------END NATS USER JWT------\n\n` +
    `-----BEGIN USER NKEY SEED-----\n${seedOf(user)}\n------END USER NKEY SEED------\n`;
  const self = { sub: operator.getPublicKey(), name: 'o', nats: { type: 'operator', version: 2 } };
  const known = [
    [system, 'SYS'],
    [account, 'A'],
  ] as const;
  const config = `operator: ${signClaims(operator, self)}
system_account: ${system.getPublicKey()}
resolver: MEMORY
resolver_preload: { ${known.map(([key, name]) => `${key.getPublicKey()}: ${accountOf(key, name)}`).join('\n')} }`;
  return { config, files: { good: creds(account), bad: creds(nkeys.createAccount()) } };
}

const UNLIMITED = { subs: -1, data: -1, payload: -1, conn: -1, leaf: -1, imports: -1, exports: -1, wildcards: true };
const PEM = { 'cert.pem': LOCALHOST_CERTIFICATE.cert, 'key.pem': LOCALHOST_CERTIFICATE.key };
const TLS = 'cert_file: "FOLDER/cert.pem", key_file: "FOLDER/key.pem"';

interface Way {
  readonly config: string;
  readonly files?: Record<string, string>;
  readonly good: NatsSettings;
  readonly bad: NatsSettings;
  readonly says: RegExp;
}

/** `FOLDER/` in a setting is where the server's files lie. */
const WAYS: Record<string, Way> = {
  'user and password': {
    config: 'authorization { user: ann, password: "s3cret-right" }',
    good: { NATS_USER: 'ann', NATS_PASSWORD: 's3cret-right' },
    bad: { NATS_USER: 'ann', NATS_PASSWORD: 's3cret-wrong' },
    says: /Authorization Violation.*: the server refuses this login: check NATS_USER and NATS_PASSWORD$/,
  },
  'a password in a file': {
    config: 'authorization { user: ann, password: "s3cret-right" }',
    files: { good: 's3cret-right\n', bad: 's3cret-wrong\n' },
    good: { NATS_USER: 'ann', NATS_PASSWORD_FILE: 'FOLDER/good' },
    bad: { NATS_USER: 'ann', NATS_PASSWORD_FILE: 'FOLDER/bad' },
    says: /check NATS_USER and NATS_PASSWORD_FILE$/,
  },
  'a token': {
    config: 'authorization { token: "s3cret-right" }',
    files: { good: 's3cret-right\n' },
    good: { NATS_TOKEN_FILE: 'FOLDER/good' },
    bad: { NATS_TOKEN: 's3cret-wrong' },
    says: /check NATS_TOKEN$/,
  },
  'no login where one is wanted': {
    config: 'authorization { token: "s3cret-right" }',
    good: { NATS_TOKEN: 's3cret-right' },
    bad: {},
    says: /takes nobody without a login: put user and password into NATS_URL, or set NATS_USER/,
  },
  'an nkey': {
    config: `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`,
    files: { good: seedOf(user), bad: seedOf(stranger) },
    good: { NATS_NKEY: 'FOLDER/good' },
    bad: { NATS_NKEY: 'FOLDER/bad' },
    says: /check NATS_NKEY$/,
  },
  'a credentials file': {
    ...operatorMode(),
    good: { NATS_CREDS: 'FOLDER/good' },
    bad: { NATS_CREDS: 'FOLDER/bad' },
    says: /check NATS_CREDS$/,
  },
  'TLS with a private CA': {
    config: `tls { ${TLS} }`,
    files: PEM,
    good: { NATS_CA: 'FOLDER/cert.pem' },
    bad: {},
    says: /certificate is signed by nobody who is known here: set NATS_CA/,
  },
  'a client certificate': {
    config: `tls { ${TLS}, ca_file: "FOLDER/cert.pem", verify: true }`,
    files: PEM,
    good: { NATS_CA: 'FOLDER/cert.pem', NATS_CERT: 'FOLDER/cert.pem', NATS_KEY: 'FOLDER/key.pem' },
    bad: { NATS_CA: 'FOLDER/cert.pem' },
    says: /wants a client certificate.* set NATS_CERT and NATS_KEY$/,
  },
  'TLS where there is none': {
    config: '',
    files: PEM,
    good: {},
    bad: { NATS_CA: 'FOLDER/cert.pem' },
    says: /offers no TLS/,
  },
};

describe('logging in at a bus of somebody else', () => {
  const servers: ConfiguredServer[] = [];
  const open: Bus[] = [];
  afterEach(async () => {
    for (const bus of open.splice(0)) await bus.drain();
    for (const server of servers.splice(0)) await server.stop();
  });
  const start = async (config = '', files: Record<string, string> = {}) => {
    const server = await configuredServer(config, files);
    servers.push(server);
    return server;
  };
  const connect = async ({ port, folder }: ConfiguredServer, settings: NatsSettings) => {
    const said = Object.entries(settings).map(([name, value]) => [name, value?.replace('FOLDER', folder)]);
    const bus = new Bus({ url: `nats://localhost:${port}`, login: Object.fromEntries(said), name: 'spec' });
    open.push(bus);
    await bus.start();
    return bus;
  };

  it.each(Object.entries(WAYS))('with %s works; where it is wrong, it is said what to do', async (_, way) => {
    const { config, files = {}, good, bad, says } = way;
    const server = await start(config, files);
    const right = await connect(server, good);
    await until('it is connected', () => right.state().connected);
    const wrong = await connect(server, bad);
    await until(`it says ${says}`, () => says.test(wrong.state().fault ?? ''));
    expect(wrong.state().connected).toBe(false);
    const { fault } = wrong.state();
    for (const secret of ['s3cret', seedOf(user), seedOf(stranger), 'BEGIN']) expect(fault).not.toContain(secret);
  });

  it('goes on trying: a password that is mended in its file is taken at the next attempt', async () => {
    const server = await start('authorization { user: ann, password: "s3cret-right" }', { password: 'old' });
    const bus = await connect(server, { NATS_USER: 'ann', NATS_PASSWORD_FILE: 'FOLDER/password' });
    expect(bus.state().connected).toBe(false);
    await writeFile(join(server.folder, 'password'), 's3cret-right\n');
    await until('it is connected', () => bus.state().connected);
  });

  it('goes to another server of the list where the first is away', async () => {
    const server = await start();
    const bus = new Bus({ url: `nats://127.0.0.1:1,nats://127.0.0.1:${server.port}`, name: 'spec' });
    open.push(bus);
    await bus.start();
    await until('it is connected', () => bus.state().connected);
  });

  it.each([
    ['NATS_CREDS', 'no creds', /^NATS_CREDS: \S+ does not hold what it should: a JWT and a seed/],
    ['NATS_NKEY', 'SUno-seed', /^NATS_NKEY: \S+ does not hold what it should: the seed/],
    ['NATS_NKEY', seedOf(nkeys.createAccount()), /^NATS_NKEY: \S+ does not hold/],
    ['NATS_TOKEN_FILE', '\n', /^NATS_TOKEN_FILE: \S+ does not hold/],
    ['NATS_CA', 'no PEM', /^NATS_CA: \S+ does not hold/],
    ['NATS_CREDS', null, /^NATS_CREDS: \S+ cannot be read: there is no such file\.$/],
  ] as const)('does not start where %s names a file of %j', async (name, text, says) => {
    const server = await start('', text === null ? {} : { file: text });
    const fault = await connect(server, { [name]: 'FOLDER/file' }).catch((error: Error) => error);
    expect((fault as Error).message).toMatch(says);
    if (text?.trim()) expect((fault as Error).message).not.toContain(text);
  });
});
