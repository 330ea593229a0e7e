import { z } from 'zod';

/**
 * What it means is the same in lists and in prunes: `*` stands for any text without `/`, `**` for any text, `?` for one
 * character but `/`; the whole name must match. Read in time that is linear in the name.
 */
export const RepositoryPatternSchema = z
  .string()
  .regex(
    /^[a-z0-9._/*?-]{1,255}$/,
    'must be a name as it is stored, 1 to 255 of a-z, 0-9, ".", "_", "-", "/", with * (not /), ** (also /) and ? for what is open',
  );

/** For the description of a field: how a pattern is read. */
export const PATTERN_READS = '`*` is anything but `/`, `**` anything, `?` one character but `/`';

export const TagPatternSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9._*?-]{1,128}$/,
    'must be 1 to 128 letters, digits, ".", "_" or "-" with * and ? for what is open',
  );
