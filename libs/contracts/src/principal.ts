import { z } from 'zod';

/** Who asks: an opaque id, never a name, so that it is one token of a subject. */
export const PrincipalSchema = z
  .string()
  .regex(/^[a-z0-9]{1,64}$/, 'a principal is 1 to 64 of a-z and 0-9')
  .brand<'Principal'>();
export type Principal = z.output<typeof PrincipalSchema>;

/** Who has not said who they are. */
export const ANONYMOUS = PrincipalSchema.parse('anonymous');
