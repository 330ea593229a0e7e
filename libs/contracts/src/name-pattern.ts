import { z } from 'zod';

/** `*` stands for any text, `?` for one character; the whole name must match. Read in time that is linear in it. */
export const RepositoryPatternSchema = z
  .string()
  .regex(/^[a-z0-9._/*?-]{1,255}$/, 'must be 1 to 255 of a-z, 0-9, ".", "_", "-", "/" with * and ? for what is open');

export const TagPatternSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9._*?-]{1,128}$/,
    'must be 1 to 128 letters, digits, ".", "_" or "-" with * and ? for what is open',
  );
