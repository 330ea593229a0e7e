import { withoutUser } from '#oci/reference';

/**
 * A password that somebody pasted into a reference is why a request was refused, and is shown to nobody. A refused body
 * has any shape: references are looked for in all that it says.
 */
export function withoutUsers<T>(value: T): T {
  return masked(value) as T;
}

function masked(value: unknown): unknown {
  if (typeof value === 'string') return withoutUser(value);
  if (Array.isArray(value)) return value.map(masked);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [withoutUser(key), masked(field)]));
}
