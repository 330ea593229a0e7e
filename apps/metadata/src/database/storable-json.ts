import type { OperationError } from '#contracts/operation';

/** Postgres keeps neither the character U+0000 nor half a surrogate pair in JSON. */
const UNFIT = /[\0\p{Cs}]/gu;
const LARGEST = 16 * 1024;
const LONGEST_MESSAGE = 2_000;

/** A foreign object as it is shown to its sender: unfit characters replaced, and nothing of one that is too large. */
export function storableJson(body: Record<string, unknown>): Record<string, unknown> {
  const text = JSON.stringify(replaceUnfit(body));
  return text.length <= LARGEST ? JSON.parse(text) : {};
}

/** The same for an error: one whose detail is too large keeps its code and message. */
export function storableError({ code, message, ...more }: OperationError): OperationError {
  const { detail } = storableJson(more);
  return {
    code,
    message: message.slice(0, LONGEST_MESSAGE).replace(UNFIT, '\ufffd'),
    ...(detail === undefined ? {} : { detail }),
  };
}

/** What Postgres would not keep in a value or a text, replaced. */
export function replaceUnfit(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(UNFIT, '\ufffd');
  if (Array.isArray(value)) return value.map(replaceUnfit);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [key.replace(UNFIT, '\ufffd'), replaceUnfit(field)]),
  );
}
