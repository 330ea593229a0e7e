import { z } from 'zod';

/** The rule of `plainText` by a function: a pattern of Unicode classes is none that every reader of JSON Schema has. */
export const typedText = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .refine((text) => !/[\p{Cc}\p{Cs}]/u.test(text), 'must not contain control characters');

/**
 * Free text of at most `longest` characters without control characters and halves of surrogate pairs: no database and
 * no header keeps all of those.
 */
export const plainText = (longest: number) =>
  z
    .string()
    .max(longest)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not contain control characters');
