import { jsonSchema, typeText } from './describe-schema.mjs';
import { code, GENERATED, page } from './markdown.mjs';

/** `calls.md`: what the services ask of each other. */
export function callsPage({ calls, shapes }) {
  const apps = [...new Set(calls.map(appOf))].sort();
  return page(
    GENERATED,
    '# Internal calls',
    'Services ask each other questions and give each other commands by these calls alone: over HTTP with keep-alive between processes, bound directly within one, with the same encoding, deadlines and errors. Each request carries a capability, an HMAC over the name of the call and an expiry. Raw bytes travel beside the JSON, untouched. These are no public interface: they change from version to version.',
    'How to read a question or an answer: `name?` may be left out; `uuid`, `time` (ISO 8601), `digest`, `repository`, `tag` and `principal` are strings of that form; `bytes` are raw; names in capitals stand under [Shapes](#shapes).',
    apps.map((app) => [
      `## Answered by ${app}`,
      calls.filter((call) => appOf(call) === app).map((call) => describe(call, shapes)),
    ]),
    '## Shapes',
    shapesText(shapes),
  );
}

function describe({ name, constant, law, question, answer, deadlineMs }, names) {
  return [
    `### ${name}`,
    `${code(constant)}. ${law}`.trim(),
    [
      `- asks: ${code(typeText(jsonSchema(question, { io: 'input', names })))}`,
      `- answers: ${code(typeText(jsonSchema(answer, { names })))}`,
      `- deadline: ${seconds(deadlineMs)}`,
    ].join('\n'),
  ];
}

/** What stands in several calls, by its name. */
function shapesText(names) {
  return [...names]
    .filter(([, name]) => name !== 'bytes')
    .sort(([, one], [, other]) => (one < other ? -1 : 1))
    .map(([schema, name]) => `- **${name}**: ${code(typeText(jsonSchema(schema, { names })))}`)
    .join('\n');
}

const appOf = ({ name }) => name.split('.')[0];

const seconds = (ms) => (ms >= 120_000 ? `${ms / 60_000} min` : `${ms / 1000} s`);
