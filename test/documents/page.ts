import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HOUSE } from '#testing/house';

/** What a reader types at once, and what the page says that they see then; null where it says nothing. */
export interface Step {
  readonly line: number;
  readonly script: string;
  /** Each line of it is ended by hand. */
  readonly stays: boolean;
  readonly shown: string | null;
}

const BLOCK = /^```(\S*)([^\n]*)\n([\s\S]*?)^```$/gm;

/**
 * The steps of a page: its blocks of `sh`, each with the block of `text` that follows it. `sh not-run` is for a reader
 * alone; the lines of `sh stays` go on until somebody ends them.
 */
export function readSteps(page: string): Step[] {
  const text = readFileSync(join(HOUSE, 'docs', page), 'utf8');
  const blocks = [...text.matchAll(BLOCK)].map(({ index, 1: language, 2: mark = '', 3: content = '' }) => ({
    line: text.slice(0, index).split('\n').length + 1,
    kind: language === 'sh' ? `sh${mark}` : language,
    content,
  }));
  return blocks.flatMap(({ kind, line, content }, at) => {
    if (kind !== 'sh' && kind !== 'sh stays') return [];
    const next = blocks[at + 1];
    return [{ line, script: content, stays: kind === 'sh stays', shown: next?.kind === 'text' ? next.content : null }];
  });
}

/** What differs from one reader to the next: ids, times, sizes, and the blanks that make columns. */
export function whatMatters(said: string): string {
  return said
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replace(/\b[0-9a-f]{64}\b/g, 'DIGEST')
    .replace(/\b[0-9a-f]{12}\b/g, 'ID')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'MOMENT')
    .replace(/\b(in )?\d+ (second|minute|hour|day|week)s?( ago)?\b|\bnow\b/g, 'TIME')
    .replace(/\b\d+(\.\d+)? (B|kB|MB|GB)(?!\w)/g, 'SIZE')
    .replace(/[^\S\n]+/g, ' ')
    .replace(/ $/gm, '');
}
