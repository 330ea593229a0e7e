import { createHash } from 'node:crypto';
import { z } from 'zod';
import { digestInvalid } from './registry-error';

export type DigestAlgorithm = 'sha256' | 'sha512';

const HEX_LENGTH: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** OCI image specification, "Digests", narrowed to its registered algorithms. */
export const DigestSchema = z
  .string()
  .regex(DIGEST, 'must be sha256:<64 lowercase hex> or sha512:<128 lowercase hex>')
  .brand<'Digest'>();

/** `sha256:` and 64, or `sha512:` and 128 lowercase hex digits. Only its parsers make it. */
export type Digest = z.infer<typeof DigestSchema>;

export function isDigest(text: string): text is Digest {
  return DIGEST.test(text);
}

/** Throws DIGEST_INVALID, naming the rule that is broken. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text;
  throw digestInvalid(text, brokenRule(text));
}

export function digestAlgorithm(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha256:') ? 'sha256' : 'sha512';
}

export function digestHex(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

export function digestOf(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;
}

function brokenRule(text: string): string {
  const colon = text.indexOf(':');
  if (colon < 1) return 'must be <algorithm>:<hex>';
  const algorithm = text.slice(0, colon);
  if (algorithm !== 'sha256' && algorithm !== 'sha512') return 'unsupported algorithm, use sha256 or sha512';
  const hex = text.slice(colon + 1);
  if (hex.length !== HEX_LENGTH[algorithm])
    return `${algorithm} must have ${HEX_LENGTH[algorithm]} hex digits, not ${hex.length}`;
  return /^[0-9a-fA-F]+$/.test(hex) ? 'hex digits must be lowercase' : 'may have only the hex digits 0-9 and a-f';
}
