import { z } from 'zod';
import { typedText } from '../plain-text';
import { referenceText } from './reference-text';

/** Which platforms of an index are fetched: the host's own, all of them, or these (`linux/arm64/v8`). */
export const PlatformsSchema = z
  .union([z.literal('host'), z.literal('all'), z.array(typedText(100)).min(1).max(32)])
  .default('host');

export const PullBodySchema = z.strictObject({
  reference: referenceText('what to pull, as one types it for docker pull'),
  platforms: PlatformsSchema.describe('host (default), all, or a list such as ["linux/arm64"]'),
});
export type PullBody = z.output<typeof PullBodySchema>;
