import { z } from 'zod';

export interface SegmentPlace {
  readonly installation: string;
  readonly generation: number;
  readonly segment: number;
}

/** Each life of a database has a row of its own, and none writes over another's. They order as they were written. */
export function segmentName({ installation, generation, segment }: SegmentPlace): string {
  return `${installation}/${String(generation).padStart(6, '0')}-${String(segment).padStart(12, '0')}.jsonl`;
}

/** Null for what is no segment, but lies among them: whoever may write there is not told from people who made a copy. */
export function parseSegmentName(name: string): SegmentPlace | null {
  const [, installation, generation, segment] = /^([^/]+)\/(\d{6})-(\d{12})\.jsonl$/.exec(name) ?? [];
  if (!z.uuid().safeParse(installation).success) return null;
  return { installation: installation!, generation: Number(generation), segment: Number(segment) };
}
