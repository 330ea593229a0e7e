import { z } from 'zod';

/**
 * Free text of at most `longest` characters without control characters and halves of surrogate pairs: no database and
 * no header keeps all of those.
 */
export const plainText = (longest: number) =>
  z
    .string()
    .max(longest)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not contain control characters');
