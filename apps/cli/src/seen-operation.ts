import { z } from 'zod';
import { OperationSchema } from '#contracts/operation';

/** An operation as any server says it, also one that knows other kinds of them. */
export const SeenOperationSchema = OperationSchema.extend({ kind: z.string(), principal: z.string() });
export type SeenOperation = z.output<typeof SeenOperationSchema>;
