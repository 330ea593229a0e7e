const HIDDEN = '***';

/** What carries a secret wherever it stands: the password in an address, the header that logs in, a signed query. */
const SHAPES: readonly [RegExp, string][] = [
  [/(\w:\/\/[^\s/:@"']*:)[^\s/@"']+@/g, `$1${HIDDEN}@`],
  // A name without a password is a token of NATS.
  [/\b((?:nats|tls):\/\/)[^\s/:@"']+@/g, `$1${HIDDEN}@`],
  [/\b(Basic|Bearer|Capability) +[\w.~+/=-]{8,}/gi, `$1 ${HIDDEN}`],
  [/((?:X-Amz-Signature|X-Amz-Credential|access_token|refresh_token|password|token)=)[^\s&"']+/gi, `$1${HIDDEN}`],
];

const SECRET_NAME = /SECRET|PASSWORD|TOKEN|SEED|(^|_)KEY$|^ENTREPOT_NATS_ISSUER$/;
/** Where a secret lies, and a user's name, which may be a word of every line. */
const NO_SECRET = /_FILE$|^NATS_KEY$|^ENTREPOT_S3_ACCESS_KEY$/;
/** Shorter ones are words that stand everywhere. */
const SHORTEST = 6;

/** The secrets that settings hold, the longest first: those that are named so, and the passwords in addresses. */
export function secretsOf(env: Readonly<Record<string, string | undefined>>): string[] {
  const found = Object.entries(env).flatMap(([name, value = '']) => [
    ...(SECRET_NAME.test(name) && !NO_SECRET.test(name) ? [value] : []),
    ...passwordsOf(value),
  ]);
  return [...new Set(found)].filter(({ length }) => length >= SHORTEST).sort((one, other) => other.length - one.length);
}

/** The text without these secrets, and without what looks like one. */
export function redactSecrets(text: string, secrets: readonly string[]): string {
  const known = secrets.reduce((left, secret) => left.replaceAll(secret, HIDDEN), text);
  return SHAPES.reduce((left, [shape, hidden]) => left.replace(shape, hidden), known);
}

function passwordsOf(value: string): string[] {
  const found = value.matchAll(/\w:\/\/[^\s/:@]*:([^\s/@]+)@|\b(?:nats|tls):\/\/([^\s/:@]+)@/g);
  return [...found].flatMap(([, password, token = '']) => {
    const secret = password ?? token;
    return [secret, ...(secret.includes('%') ? [decoded(secret)] : [])];
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
