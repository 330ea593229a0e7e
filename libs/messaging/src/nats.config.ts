import { z } from 'zod';
import { count } from '#config/whole-number';
import { isNatsUrl, parseNatsUrl } from './nats-address';

const path = () => z.string().min(1).optional();

/** The address of the bus: one server, or several of a cluster. */
export const natsUrl = () =>
  z
    .string()
    .refine(
      isNatsUrl,
      'must be nats://[user:password@]host:port, or several of them joined by commas (tls:// where TLS must be used)',
    );

/** What a program must know of the bus beside `NATS_URL`: how to log in, and how its streams are kept. Names are those that the tools of NATS read too. */
export const NATS_SETTINGS = {
  NATS_USER: z.string().min(1).optional().describe('the user of the bus, where NATS_URL names none'),
  NATS_PASSWORD: z.string().min(1).optional().describe('the password of NATS_USER'),
  NATS_PASSWORD_FILE: path().describe('a file that holds the password of NATS_USER, in place of NATS_PASSWORD'),
  NATS_TOKEN: z.string().min(1).optional().describe('a token of the bus, where its servers know no users'),
  NATS_TOKEN_FILE: path().describe('a file that holds the token, in place of NATS_TOKEN'),
  NATS_NKEY: path().describe("a file that holds the seed (SU…) of the user's nkey"),
  NATS_CREDS: path().describe("a credentials file: the user's JWT and seed, as nsc writes it"),
  NATS_CA: path().describe("a file of the certificates that sign the servers', in PEM; by default those of Node.js"),
  NATS_CERT: path().describe('a file of the certificate that the servers are shown, in PEM; goes with NATS_KEY'),
  NATS_KEY: path().describe('a file of the key of NATS_CERT, in PEM'),
  ENTREPOT_NATS_REPLICAS: count(1, 5).describe('servers that keep each stream, a number; 3 in a cluster'),
};

export type NatsSettings = {
  readonly [Name in Exclude<keyof typeof NATS_SETTINGS, 'ENTREPOT_NATS_REPLICAS'>]?: string | undefined;
} & { readonly NATS_URL?: string | undefined };

/** The ways to log in; each names the settings that say it. */
const WAYS: readonly { readonly name: string; readonly isSet: (settings: NatsSettings) => boolean }[] = [
  { name: 'NATS_URL', isSet: ({ NATS_URL = '' }) => isNatsUrl(NATS_URL) && parseNatsUrl(NATS_URL).hasLogin },
  { name: 'NATS_USER', isSet: ({ NATS_USER }) => NATS_USER !== undefined },
  { name: 'NATS_TOKEN', isSet: ({ NATS_TOKEN, NATS_TOKEN_FILE }) => Boolean(NATS_TOKEN ?? NATS_TOKEN_FILE) },
  { name: 'NATS_NKEY', isSet: ({ NATS_NKEY }) => NATS_NKEY !== undefined },
  { name: 'NATS_CREDS', isSet: ({ NATS_CREDS }) => NATS_CREDS !== undefined },
];

/** For `schema.superRefine(...)`: one way to log in, and whole. */
export function checkNatsLogin(settings: NatsSettings, context: z.RefinementCtx): void {
  const say = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
  const [first, second] = WAYS.filter(({ isSet }) => isSet(settings)).map(({ name }) => name);
  if (second) say(second, `must not be beside the login that ${first} says: one of them`);
  const { NATS_USER, NATS_PASSWORD, NATS_PASSWORD_FILE, NATS_TOKEN, NATS_TOKEN_FILE, NATS_CERT, NATS_KEY } = settings;
  if (NATS_PASSWORD && NATS_PASSWORD_FILE) say('NATS_PASSWORD_FILE', 'must not be beside NATS_PASSWORD: one of them');
  if (NATS_TOKEN && NATS_TOKEN_FILE) say('NATS_TOKEN_FILE', 'must not be beside NATS_TOKEN: one of them');
  const hasPassword = Boolean(NATS_PASSWORD ?? NATS_PASSWORD_FILE);
  if (NATS_USER && !hasPassword) say('NATS_USER', 'must go with NATS_PASSWORD or NATS_PASSWORD_FILE');
  if (!NATS_USER && hasPassword) say('NATS_USER', 'must be set where NATS_PASSWORD or NATS_PASSWORD_FILE is');
  if (NATS_CERT && !NATS_KEY) say('NATS_CERT', 'must go with NATS_KEY');
  if (NATS_KEY && !NATS_CERT) say('NATS_KEY', 'must go with NATS_CERT');
}
