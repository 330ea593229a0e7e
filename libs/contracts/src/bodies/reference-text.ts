import { typedText } from '../plain-text';

/** What a person types to name an image; whoever takes it in parses it. */
export const referenceText = (what: string) => typedText(512).describe(what);
