import type { ImageConfig } from './image-config';

export interface ConfigPlatform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** What images are looked for by. */
export interface ConfigFacts {
  /** Null where it says none that is one. */
  readonly platform: ConfigPlatform | null;
  /** As many as are worth looking for: longer keys and values are left out, and what is past the limit. */
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339 in UTC; null where it says none. */
  readonly created: string | null;
}

const PART = /^[A-Za-z0-9_.-]{1,64}$/;
const MOST_LABELS = 256;
const LONGEST_KEY = 256;
const LONGEST_VALUE = 4096;
const MOST_CHARACTERS = 64 * 1024;
/** No database keeps these as they are. */
const UNFIT = /[\0\p{Cs}]/u;
/** What a database of dates takes without doubt. */
const OLDEST = Date.UTC(1, 0, 1);
const NEWEST = Date.UTC(9999, 0, 1);

export function configFacts(config: ImageConfig): ConfigFacts {
  const { created, config: run } = config;
  return { platform: platformOf(config), labels: labelsOf(run.labels), created: dateOf(created) };
}

function platformOf({ os, architecture, variant }: ImageConfig): ConfigPlatform | null {
  const parts = [os, architecture, ...(variant ? [variant] : [])];
  return parts.every((part) => PART.test(part)) ? { os, architecture, ...(variant ? { variant } : {}) } : null;
}

function labelsOf(labels: Readonly<Record<string, string>>): Record<string, string> {
  const kept: [string, string][] = [];
  let characters = 0;
  for (const [key, value] of Object.entries(labels)) {
    if (key.length > LONGEST_KEY || value.length > LONGEST_VALUE || UNFIT.test(key + value)) continue;
    characters += key.length + value.length;
    if (kept.length === MOST_LABELS || characters > MOST_CHARACTERS) break;
    kept.push([key, value]);
  }
  return Object.fromEntries(kept);
}

function dateOf(text: string | undefined): string | null {
  const at = Date.parse(text ?? '');
  return at >= OLDEST && at <= NEWEST ? new Date(at).toISOString() : null;
}
