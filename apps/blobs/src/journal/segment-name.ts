export interface SegmentPlace {
  readonly installation: string;
  readonly generation: number;
  readonly segment: number;
}

/** Each life of a database has a row of its own, and none writes over another's. They order as they were written. */
export function segmentName({ installation, generation, segment }: SegmentPlace): string {
  return `${installation}/${String(generation).padStart(6, '0')}-${String(segment).padStart(12, '0')}.jsonl`;
}

/** Null for what is no segment. */
export function parseSegmentName(name: string): SegmentPlace | null {
  const [, installation, generation, segment] = /^([0-9a-f-]{36})\/(\d+)-(\d+)\.jsonl$/.exec(name) ?? [];
  return installation === undefined ? null : { installation, generation: Number(generation), segment: Number(segment) };
}
