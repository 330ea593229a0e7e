import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from 'node:crypto';

/*
 * Keys of NATS accounts as its tools write them (nkeys): a prefix that says what they are, 32 bytes, a checksum of
 * these, in base32.
 */

const SEED_OF_ACCOUNT = [0b10010_000, 0];
const ACCOUNT = [0];
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** What stands before the 32 bytes of an Ed25519 key in DER (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

/** A new key: its seed, `SA…`, which is a secret. */
export function makeAccountSeed(random: Uint8Array = randomBytes(32)): string {
  return encode([...SEED_OF_ACCOUNT, ...random]);
}

/** Whether a text is a seed that was made above, with the checksum that it ends with. */
export function isAccountSeed(text: string): boolean {
  return /^SA[A-Z2-7]{56}$/.test(text) && encode([...SEED_OF_ACCOUNT, ...rawSeed(text)]) === text;
}

/** What others know an account's key by: `A…`. */
export function accountOf(seed: string): string {
  const raw = createPublicKey(privateKeyOf(seed)).export({ format: 'der', type: 'spki' }).subarray(-32);
  return encode([...ACCOUNT, ...raw]);
}

/** The key that signs, of a seed of whatever kind. */
export function privateKeyOf(seed: string): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PKCS8, rawSeed(seed)]), format: 'der', type: 'pkcs8' });
}

function rawSeed(seed: string): Uint8Array {
  const bits = [...seed].map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const bytes = (bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2));
  return Uint8Array.from(bytes.slice(2, 34));
}

function encode(bytes: readonly number[]): string {
  const sum = crc16(bytes);
  const bits = [...bytes, sum & 0xff, sum >> 8].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  return (bits.match(/.{1,5}/g) ?? []).map((five) => ALPHABET[Number.parseInt(five.padEnd(5, '0'), 2)]).join('');
}

/** CRC-16/XMODEM. */
function crc16(bytes: readonly number[]): number {
  let sum = 0;
  for (const byte of bytes) {
    sum ^= byte << 8;
    for (let bit = 0; bit < 8; bit += 1) sum = sum & 0x8000 ? ((sum << 1) ^ 0x1021) & 0xffff : (sum << 1) & 0xffff;
  }
  return sum;
}
