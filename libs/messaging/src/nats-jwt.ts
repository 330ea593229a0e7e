import type { nkeys } from '@nats-io/transport-node';

export type KeyPair = ReturnType<typeof nkeys.createAccount>;

/** Claims as NATS servers read them: a JWT that this key has signed. */
export function signClaims(key: KeyPair, claims: Readonly<Record<string, unknown>>, now = Date.now()): string {
  const issued = { iat: Math.floor(now / 1000), iss: key.getPublicKey(), ...claims };
  const text = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode(issued)}`;
  return `${text}.${Buffer.from(key.sign(Buffer.from(text))).toString('base64url')}`;
}

/** What a JWT claims, unchecked; undefined for what is none. */
export function readClaims(jwt: string): unknown {
  try {
    return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
