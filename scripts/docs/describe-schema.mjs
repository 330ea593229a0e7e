import { createRequire } from 'node:module';

const { z } = createRequire(import.meta.url)('zod');

/**
 * The JSON Schema of a zod schema. `names` gives some schemas a title, by which `typeText` calls them instead of
 * spelling them out.
 */
export function jsonSchema(schema, { io = 'output', names = new Map() } = {}) {
  const override = ({ zodSchema, jsonSchema: made }) => {
    if (zodSchema !== schema && names.has(zodSchema)) made.title = names.get(zodSchema);
  };
  const { $schema: _, ...made } = z.toJSONSchema(schema, { io, unrepresentable: 'any', override });
  return made;
}

/** One line that a person reads: `{ repository: string, tags?: string[] }`. */
export function typeText(schema) {
  if (schema.title) return schema.title;
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return options.map(typeText).join(' | ');
  if (schema.allOf) return schema.allOf.map(typeText).join(' & ');
  if (schema.type === 'array') return arrayText(schema);
  if (schema.type === 'object') return objectText(schema);
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeText({ ...schema, type })).join(' | ');
  return wordOf(schema);
}

function arrayText({ items = {}, maxItems }) {
  const item = typeText(items);
  const list = /[|&]/.test(item) && !/^\{.*\}$/.test(item) ? `(${item})[]` : `${item}[]`;
  return maxItems === undefined ? list : `${list} (at most ${maxItems})`;
}

function objectText({ properties, required = [], additionalProperties }) {
  const fields = Object.entries(properties ?? {}).map(
    ([name, schema]) => `${name}${required.includes(name) ? '' : '?'}: ${typeText(schema)}`,
  );
  if (fields.length > 0) return `{ ${fields.join(', ')} }`;
  const values = typeof additionalProperties === 'object' ? typeText(additionalProperties) : undefined;
  return values === undefined ? '{}' : `{ [name]: ${values} }`;
}

/** The domain's words, known by the rule that only their schema has. */
const WORDS = [
  [/sha256/, 'digest'],
  [/^\^\[a-z0-9\]\{1,64\}\$$/, 'principal'],
  [/128|\{0,127\}/, 'tag'],
  [/\|__\|/, 'repository'],
];

function wordOf({ type, format, pattern = '' }) {
  if (format === 'uuid') return 'uuid';
  if (format === 'date-time') return 'time';
  if (type === 'string') return WORDS.find(([rule]) => rule.test(pattern))?.[1] ?? 'string';
  return type ?? 'any';
}
