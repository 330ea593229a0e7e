import { type KeyObject, sign } from 'node:crypto';
import type { nkeys } from '@nats-io/transport-node';
import { privateKeyOf } from '#children/account-key';

export type KeyPair = ReturnType<typeof nkeys.createAccount>;

/** The library's own arithmetic takes milliseconds a signature, in which the process does nothing else: whoever is refused would cost that. */
const signers = new WeakMap<KeyPair, { readonly name: string; readonly secret: KeyObject }>();

function signerOf(key: KeyPair) {
  const known = signers.get(key);
  if (known) return known;
  const signer = { name: key.getPublicKey(), secret: privateKeyOf(Buffer.from(key.getSeed()).toString()) };
  signers.set(key, signer);
  return signer;
}

/** Claims as NATS servers read them: a JWT that this key has signed. */
export function signClaims(key: KeyPair, claims: Readonly<Record<string, unknown>>, now = Date.now()): string {
  const { name: iss, secret } = signerOf(key);
  const issued = { iat: Math.floor(now / 1000), iss, ...claims };
  const text = `${encode({ typ: 'JWT', alg: 'ed25519-nkey' })}.${encode(issued)}`;
  return `${text}.${sign(null, Buffer.from(text), secret).toString('base64url')}`;
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
