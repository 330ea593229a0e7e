import { z } from 'zod';
import { defineCall } from '../define-call';
import { PrincipalSchema } from '../principal';

export const BusUserNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be 1 to 63 of a-z, 0-9, . _ and -, beginning with a letter or a digit');

export const BusUserBodySchema = z.strictObject({
  name: BusUserNameSchema.describe('what people call it; no two have the same'),
});

/** Who may ask on the bus in a name of its own. */
export const BusUserSchema = z.object({
  name: z.string(),
  principal: PrincipalSchema.describe(
    'the user to log in as, and the end of the subjects it asks on: entrepot.request.<verb>.<principal>',
  ),
  createdAt: z.iso.datetime(),
  createdBy: PrincipalSchema.describe('who asked for it'),
});
export type BusUser = z.output<typeof BusUserSchema>;

export const NewBusUserSchema = BusUserSchema.extend({
  password: z.string().describe('said this once, and kept nowhere'),
});

/** What the principal and the password of a new user are made of: a secret of 32 bytes, base64url. */
export const BusUserSeedSchema = z.string().regex(/^[\w-]{43}$/);

/**
 * Repeating it with the same seed answers the same user, password and all. Throws CONFLICT where the name is taken, there
 * are too many, or the users of the bus are somebody else's.
 */
export const CreateBusUser = defineCall('metadata.create-bus-user', {
  question: z.object({
    asker: PrincipalSchema,
    name: BusUserNameSchema,
    /** Without one a user is made that only this answer knows. */
    seed: BusUserSeedSchema.optional(),
  }),
  answer: z.object({ user: NewBusUserSchema }),
});

/** By name; `after` is the `next` of the page before. */
export const ListBusUsers = defineCall('metadata.list-bus-users', {
  question: z.object({ after: BusUserNameSchema.optional(), limit: z.number().int().min(1).max(1000) }),
  answer: z.object({ users: z.array(BusUserSchema), next: z.string().nullable() }),
});

export const ReadBusUser = defineCall('metadata.read-bus-user', {
  question: z.object({ name: BusUserNameSchema }),
  answer: z.object({ user: BusUserSchema.nullable() }),
});

/** Its connections are ended, and it does not come in again. */
export const DeleteBusUser = defineCall('metadata.delete-bus-user', {
  question: z.object({ asker: PrincipalSchema, name: BusUserNameSchema }),
  answer: z.object({ deleted: z.boolean() }),
});
