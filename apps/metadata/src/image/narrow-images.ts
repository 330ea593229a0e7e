import type { ImageFilter } from '#contracts/calls/images';
import { parsePlatform } from '#oci/platform';
import { readPattern } from '../names/name-pattern';

/** Conditions of SQL, and what they are about. */
export interface Narrowed {
  /** On `r`, a repository; each begins with AND. */
  readonly repository: string;
  /** On `own`, a manifest that it shows; each begins with AND. */
  readonly image: string;
  /** Those of them on `own` that an index by age answers: a stretch of time, and one repository. */
  readonly within: string;
  readonly params: readonly unknown[];
}

/** Each is asked image by image: a LIMIT keeps the planner from reading all that there is of one first. */
const isThere = (rows: string) => `(SELECT true FROM ${rows} LIMIT 1)`;

/** So of the image itself, or of what its index lists and is here. `rows` of a digest: what must be there. */
const anyMember = (rows: (digest: string) => string) =>
  `(${isThere(rows('own.digest'))} OR ${isThere(
    `manifest_child AS child CROSS JOIN LATERAL ${isThere(rows('child.held'))} AS found (yes) WHERE child.parent = own.digest AND yes`,
  )})`;

const TAGGED = (more = '') =>
  `${isThere(`tag WHERE tag.repository_id = own.repository_id AND tag.digest = own.digest ${more}`)} IS`;

const USED = anyMember(
  (digest) => `container WHERE container.repository_id = own.repository_id AND container.digest = ${digest}`,
);

/** `first` is the number of the first parameter. Throws INVALID for a platform that is none. */
export function narrowImages(filter: ImageFilter, first: number): Narrowed {
  const params: unknown[] = [];
  const given = (value: unknown) => `$${first - 1 + params.push(value)}`;
  const { repository, own } = ofRepository(filter.repository, given);
  const within = [...own, ...stretch(filter, given)];
  const { tag, labels = [], platform, dangling, inUse } = filter;
  const conditions = [...within];
  if (tag !== undefined) conditions.push(`${TAGGED(`AND tag.name ~ ${given(readPattern(tag).regex)}`)} TRUE`);
  if (dangling !== undefined) conditions.push(`${TAGGED()} ${dangling ? 'NULL' : 'TRUE'}`);
  if (inUse !== undefined) conditions.push(`${USED} IS ${inUse ? '' : 'NOT '}TRUE`);
  for (const label of labels) conditions.push(labelled(label, given));
  if (platform !== undefined) conditions.push(runsOn(platform, given));
  return { repository: allOf(repository), image: allOf(conditions), within: allOf(within), params };
}

const allOf = (conditions: readonly string[]) => conditions.map((condition) => ` AND ${condition}`).join('');

/** A whole name means one repository, whose images an index has by age. */
function ofRepository(pattern: string | undefined, given: (value: unknown) => string) {
  if (pattern === undefined) return { repository: [], own: [] };
  const { start, end, regex } = readPattern(pattern);
  if (start !== pattern) {
    return {
      repository: [`r.name >= ${given(start)} AND r.name < ${given(end)} AND r.name ~ ${given(regex)}`],
      own: [],
    };
  }
  const name = given(pattern);
  return {
    repository: [`r.name = ${name}`],
    own: [`own.repository_id = (SELECT id FROM repository WHERE name = ${name})`],
  };
}

function stretch({ before, since }: ImageFilter, given: (value: unknown) => string): string[] {
  const earlier = before === undefined ? [] : [`own.committed_at < ${given(before)}::timestamptz`];
  const later = since === undefined ? [] : [`own.committed_at >= ${given(since)}::timestamptz`];
  return [...earlier, ...later];
}

function labelled(label: string, given: (value: unknown) => string): string {
  const equals = label.indexOf('=');
  const condition =
    equals === -1
      ? `config.labels @? ${given(`$.${JSON.stringify(label)}`)}::jsonpath`
      : `config.labels @> ${given(JSON.stringify({ [label.slice(0, equals)]: label.slice(equals + 1) }))}::jsonb`;
  return `${anyMember((digest) => `image_config AS config WHERE config.manifest = ${digest} AND ${condition}`)} IS TRUE`;
}

function runsOn(text: string, given: (value: unknown) => string): string {
  const { os, architecture, variant } = parsePlatform(text);
  const wanted = given(JSON.stringify({ os, architecture, ...(variant ? { variant } : {}) }));
  const own = anyMember(
    (digest) => `manifest AS said WHERE said.digest = ${digest} AND said.platform @> ${wanted}::jsonb`,
  );
  const listed = isThere(`manifest_child AS said WHERE said.parent = own.digest AND said.platform @> ${wanted}::jsonb`);
  return `(${own} OR ${listed}) IS TRUE`;
}
