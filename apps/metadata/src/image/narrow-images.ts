import type { ImageFilter } from '#contracts/calls/images';
import { parsePlatform } from '#oci/platform';
import { readPattern } from '../names/name-pattern';

/** Conditions of SQL, and what they are about. */
export interface Narrowed {
  /** On `r`, a repository; each begins with AND. */
  readonly repository: string;
  /** On `own`, a manifest that it shows; each begins with AND. */
  readonly image: string;
  readonly params: readonly unknown[];
}

/** The image itself, and what its index lists and is here. */
const MEMBERS = `(SELECT own.digest UNION ALL SELECT held FROM manifest_child
  WHERE parent = own.digest AND held IS NOT NULL)`;

const TAGGED = (more = '') =>
  `EXISTS (SELECT FROM tag WHERE tag.repository_id = own.repository_id AND tag.digest = own.digest ${more})`;

const USED = `EXISTS (SELECT FROM container WHERE container.repository_id = own.repository_id
  AND container.digest IN ${MEMBERS})`;

/** `first` is the number of the first parameter. Throws INVALID for a platform that is none. */
export function narrowImages(filter: ImageFilter, first: number): Narrowed {
  const params: unknown[] = [];
  const given = (value: unknown) => `$${first - 1 + params.push(value)}`;
  const repository = filter.repository === undefined ? '' : ` AND ${named(filter.repository, given)}`;
  const conditions: string[] = [];
  const { tag, labels = [], platform, dangling, inUse, before, since } = filter;
  if (tag !== undefined) conditions.push(TAGGED(`AND tag.name ~ ${given(readPattern(tag).regex)}`));
  if (dangling !== undefined) conditions.push(`${dangling ? 'NOT ' : ''}${TAGGED()}`);
  if (inUse !== undefined) conditions.push(`${inUse ? '' : 'NOT '}${USED}`);
  if (before !== undefined) conditions.push(`own.committed_at < ${given(before)}::timestamptz`);
  if (since !== undefined) conditions.push(`own.committed_at >= ${given(since)}::timestamptz`);
  for (const label of labels) conditions.push(labelled(label, given));
  if (platform !== undefined) conditions.push(runsOn(platform, given));
  return { repository, image: conditions.map((condition) => ` AND ${condition}`).join(''), params };
}

function named(pattern: string, given: (value: unknown) => string): string {
  const { start, end, regex } = readPattern(pattern);
  return `r.name >= ${given(start)} AND r.name < ${given(end)} AND r.name ~ ${given(regex)}`;
}

function labelled(label: string, given: (value: unknown) => string): string {
  const equals = label.indexOf('=');
  const condition =
    equals === -1
      ? `config.labels @? ${given(`$.${JSON.stringify(label)}`)}::jsonpath`
      : `config.labels @> ${given(JSON.stringify({ [label.slice(0, equals)]: label.slice(equals + 1) }))}::jsonb`;
  return `EXISTS (SELECT FROM image_config AS config WHERE config.manifest IN ${MEMBERS} AND ${condition})`;
}

function runsOn(text: string, given: (value: unknown) => string): string {
  const { os, architecture, variant } = parsePlatform(text);
  const wanted = given(JSON.stringify({ os, architecture, ...(variant ? { variant } : {}) }));
  return `EXISTS (
    SELECT FROM manifest AS said WHERE said.digest IN ${MEMBERS} AND said.platform @> ${wanted}::jsonb
    UNION ALL
    SELECT FROM manifest_child AS said WHERE said.parent = own.digest AND said.platform @> ${wanted}::jsonb)`;
}
