// Writes libs/contracts/published/calls.json: the internal calls as they are now. Run at each release, and only then:
// services of that version and of the next one ask each other while the next one is rolled out, which a spec holds.
// `node --conditions=source scripts/publish-calls.mjs`
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readDeclarations } from './docs/declarations.mjs';
import { jsonSchema } from './docs/describe-schema.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { calls } = readDeclarations(root);
const io = 'input';

/** What is compared, of each shape. */
const KEPT = [
  'type',
  'const',
  'enum',
  'anyOf',
  'oneOf',
  'required',
  'items',
  'maxItems',
  'maxLength',
  'additionalProperties',
  'properties',
];
function kept(shape) {
  if (typeof shape !== 'object' || shape === null) return shape;
  if (Array.isArray(shape)) return shape.map(kept);
  const { properties, ...rest } = shape;
  const fields = Object.entries(rest)
    .filter(([key]) => KEPT.includes(key))
    .map(([key, value]) => [key, kept(value)]);
  const inside = properties && Object.entries(properties).map(([name, each]) => [name, kept(each)]);
  return { ...Object.fromEntries(fields), ...(inside && { properties: Object.fromEntries(inside) }) };
}

const lines = calls
  .sort((one, other) => (one.name < other.name ? -1 : 1))
  .map(({ name, question, answer }) => {
    const shapes = { question: kept(jsonSchema(question, { io })), answer: kept(jsonSchema(answer, { io })) };
    return `${JSON.stringify(name)}: ${JSON.stringify(shapes)}`;
  });
writeFileSync(join(root, 'libs', 'contracts', 'published', 'calls.json'), `{\n${lines.join(',\n')}\n}\n`);
