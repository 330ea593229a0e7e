import { z } from 'zod';

/**
 * A replica of blobs follows an object that another one writes: whoever writes it closes its extents sooner for a
 * while. On core NATS, best effort, among replicas of blobs alone; said again for as long as it is so.
 */
export const FollowSchema = z.object({ object: z.uuid() });
export type Follow = z.output<typeof FollowSchema>;

export const FOLLOW_SUBJECT = 'entrepot.follow';
