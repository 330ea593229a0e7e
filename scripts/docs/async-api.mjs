import { jsonSchema } from './describe-schema.mjs';

const EVENTS = 'application/cloudevents+json';

/** `asyncapi.json`: AsyncAPI 3.0 of the bus, as Entrepot sees it: it receives requests, and sends all else. */
export function asyncApi({ version, requests, facts, envelopes, progress }) {
  const channels = [
    ...requests.flatMap((request) => requestChannels(request, envelopes.request)),
    ...facts.map((fact) => factChannel(fact, envelopes.fact)),
    outcomeChannel(facts, envelopes.fact),
    progressChannel(progress),
  ];
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Entrepot',
      version,
      description: 'Requests, facts, outcomes and progress on NATS. Requests and facts are kept by JetStream.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: EVENTS,
    channels: Object.fromEntries(channels.map(({ name, channel }) => [name, channel])),
    operations: Object.fromEntries(channels.map(operationOf)),
  };
}

function operationOf({ name, action, channel }) {
  const $ref = `#/channels/${name}`;
  return [`${action}.${name}`, { action, channel: { $ref }, summary: channel.summary }];
}

/** Anybody's subject, and that of a principal who has a user on the bus. */
function requestChannels(request, envelope) {
  const body = jsonSchema(request.schema, { io: 'input' });
  const messages = {
    [request.type]: event(request, eventSchema(envelope, body, request.type)),
    [`${request.type}.bare`]: {
      contentType: 'application/json',
      title: 'The body alone, as a person publishes it',
      payload: body,
      examples: [{ payload: request.golden.data }],
    },
  };
  const address = `entrepot.request.${request.verb}`;
  const channel = { address, summary: request.summary, messages };
  const own = { ...channel, address: `${address}.{principal}`, parameters: { principal: PRINCIPAL } };
  return [
    { name: `request.${request.verb}`, action: 'receive', channel },
    { name: `request.${request.verb}.principal`, action: 'receive', channel: own },
  ];
}

function factChannel(fact, envelope) {
  const schema = eventSchema(envelope, jsonSchema(fact.schema), fact.type);
  const channel = { address: fact.subject, summary: fact.summary, messages: { [fact.type]: event(fact, schema) } };
  return { name: fact.subject.replace('entrepot.', ''), action: 'send', channel };
}

function outcomeChannel(facts, envelope) {
  const ends = facts.filter(({ subject }) => /\.operation\.(completed|failed|cancelled)$/.test(subject));
  const messages = ends.map((fact) => [
    fact.type,
    event(fact, eventSchema(envelope, jsonSchema(fact.schema), fact.type)),
  ]);
  const channel = {
    address: 'entrepot.outcome.{principal}.{operation}',
    summary: 'How an operation ended',
    parameters: { principal: PRINCIPAL, operation: OPERATION },
    messages: Object.fromEntries(messages),
  };
  return { name: 'outcome', action: 'send', channel };
}

function progressChannel(progress) {
  const channel = {
    address: 'entrepot.progress.{principal}.{operation}',
    summary: 'How far a running operation is; best effort',
    parameters: { principal: PRINCIPAL, operation: OPERATION },
    messages: { progress: { contentType: 'application/json', payload: jsonSchema(progress) } },
  };
  return { name: 'progress', action: 'send', channel };
}

const PRINCIPAL = { description: 'who asked: an opaque id of a-z and 0-9', default: 'anonymous' };
const OPERATION = { description: 'the id of the operation' };

function event({ type, summary, golden }, payload) {
  return { name: type, title: summary, contentType: EVENTS, payload, examples: [{ payload: golden }] };
}

/** The envelope with this type and this data in it. */
function eventSchema(envelope, data, type) {
  const { properties, required = [], ...rest } = jsonSchema(envelope, { io: 'input' });
  return {
    ...rest,
    properties: { ...properties, type: { const: type }, data },
    required: [...new Set([...required, 'data'])],
  };
}
