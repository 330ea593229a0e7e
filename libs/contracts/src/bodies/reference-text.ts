import { plainText } from '../plain-text';

/** What a person types to name an image; whoever takes it in parses it. */
export const referenceText = (what: string) => plainText(512).min(1).describe(what);
