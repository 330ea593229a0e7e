import { z } from 'zod';

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** A number of bytes as people write it: `16MiB`, `1.5 GiB`, `20GB`, `4096`. Gives whole bytes. */
export function byteSize() {
  return z.string().transform((text, context) => {
    const [, number, unit = 'B'] = /^(\d+(?:\.\d+)?) ?([A-Za-z]+)?$/.exec(text.trim()) ?? [];
    const bytes = Math.round(Number(number) * (UNITS[unit] ?? Number.NaN));
    if (Number.isSafeInteger(bytes)) return bytes;
    context.addIssue(`must be a size such as 4096, 512KiB, 16MiB or 20GB, and is ${JSON.stringify(text)}`);
    return z.NEVER;
  });
}
