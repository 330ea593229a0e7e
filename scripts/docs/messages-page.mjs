import { jsonSchema, typeText } from './describe-schema.mjs';
import { code, GENERATED, json, page, table } from './markdown.mjs';

/** `messages.md`: what is published on NATS, by whom, and what it looks like. */
export function messagesPage({ requests, facts, streams, progress }) {
  return page(
    GENERATED,
    '# Messages',
    'Every message is a [CloudEvent](https://cloudevents.io) 1.0 in structured JSON. Readers ignore fields they do not know; a change of meaning is a new type beside the old one. Messages carry digests and sizes, never bytes and never secrets. How they travel and what they promise is explained in [Messages, operations and the outbox](../explanation/messages.md); [asyncapi.json](asyncapi.json) says the same to programs.',
    '## Requests',
    `Kept by the stream ${code(streams.requests)} until they are taken in. The subject is ${code('entrepot.request.<verb>')}, or ${code('entrepot.request.<verb>.<principal>')} for a principal that has a user on the bus. A person may publish the bare ${code('data')} alone; its id is then the header ${code('Nats-Msg-Id')}, if there is one. The same id twice is done once; the same id with another body is a failed operation (but for two within 100 ms under one ${code('Nats-Msg-Id')}: nats-server drops the second unseen, as it would a repeated one).`,
    requests.flatMap((request) => [
      `### ${request.verb}`,
      `${request.summary}. Type ${code(request.type)}.`,
      fields(jsonSchema(request.schema, { io: 'input' })),
      'As a person sends it:',
      shell(`nats pub entrepot.request.${request.verb} '${JSON.stringify(shortest(request))}'`),
      'As a program sends it:',
      json(request.golden),
    ]),
    '## Facts',
    `Kept by the stream ${code(streams.facts)} for seven days. Each is committed with the change that it tells of, and published after it; ${code('revision')} rises for each ${code('subject')} (the thing it is about), so that a reader drops what is not newer than what it has. A fact may arrive twice, with the same ${code('id')}.`,
    facts.flatMap((fact) => [
      `### ${fact.subject.replace('entrepot.fact.', '')}`,
      `${fact.summary}. Subject ${code(fact.subject)}, type ${code(fact.type)}.`,
      fields(jsonSchema(fact.schema)),
      json(fact.golden),
    ]),
    '## Outcomes',
    `How an operation ended is also published to ${code('entrepot.outcome.<principal>.<operation>')}, where its principal may read it: the same CloudEvent as ${code('operation.completed')}, ${code('operation.failed')} or ${code('operation.cancelled')}.`,
    '## Progress',
    `While a pull runs, how far it is goes to ${code('entrepot.progress.<principal>.<operation>')}: plain JSON, best effort, kept by no stream. What is true is read from the operation.`,
    fields(jsonSchema(progress)),
  );
}

function fields({ properties = {}, required = [] }) {
  const rows = Object.entries(properties).map(([name, schema]) => [
    code(name),
    code(typeText(schema)),
    required.includes(name) ? 'yes' : 'no',
    schema.description ?? '',
  ]);
  return table(['Field', 'Type', 'Required', 'Meaning'], rows);
}

/** The example with required fields alone. */
function shortest({ golden, schema }) {
  const { required = [] } = jsonSchema(schema, { io: 'input' });
  // A remove needs one of two.
  const said = required.length === 0 && 'reference' in golden.data ? ['reference'] : required;
  return Object.fromEntries(said.map((name) => [name, golden.data[name]]));
}

function shell(line) {
  return ['```sh', line, '```'].join('\n');
}
