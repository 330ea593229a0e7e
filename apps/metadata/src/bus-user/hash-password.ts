import { type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** 16 MiB and some fifty milliseconds a look. What is written with other numbers is checked with those. */
const COST = { N: 16_384, r: 8, p: 1 };
const LENGTH = 32;

/** As it is kept: `scrypt$N$r$p$salt$hash`. */
export async function hashPassword(password: string, salt: Buffer): Promise<string> {
  const { N, r, p } = COST;
  const hash = await derive(password, salt, COST);
  return ['scrypt', N, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/** Whether this is the password that was hashed so. Takes as long whether it is or not. */
export async function isPassword(password: string, kept: string): Promise<boolean> {
  const [scheme, N, r, p, salt = '', hash = ''] = kept.split('$');
  if (scheme !== 'scrypt') throw new Error(`passwords of the kind ${scheme} are not known here`);
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  return timingSafeEqual(await derive(password, Buffer.from(salt, 'base64url'), cost), Buffer.from(hash, 'base64url'));
}

function derive(password: string, salt: Buffer, cost: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, LENGTH, { ...cost, maxmem: 64 * 1024 * 1024 }, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
