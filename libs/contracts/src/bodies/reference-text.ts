import { z } from 'zod';

/** What a person types to name an image; whoever takes it in parses it. */
export const referenceText = (what: string) => z.string().min(1).max(512).describe(what);
