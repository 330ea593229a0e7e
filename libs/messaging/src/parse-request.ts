import { createHash } from 'node:crypto';
import { CloudEventSchema } from '#contracts/cloud-event';
import type { RequestDefinition } from '#contracts/define-message';
import { OPERATION_BODIES, type OperationError, type OperationKind } from '#contracts/operation';
import { ANONYMOUS, type Principal, PrincipalSchema } from '#contracts/principal';
import { REQUESTS } from '#contracts/requests';
import { dropNulls } from '#oci/drop-nulls';
import { quoteText } from '#oci/quote-text';
import { type PlainFault, readPlainly } from '#oci/read-plainly';
import { parseStrictJson } from '#oci/strict-json';
import { PoisonMessage } from './poison-message';

/** A request as it came from the bus. */
export interface RawRequest {
  readonly subject: string;
  readonly bytes: Uint8Array;
  /** `Nats-Msg-Id`, or the id under which it is sent again. */
  readonly messageId: string | undefined;
  /** Names this message among all there ever were, and at each delivery the same. */
  readonly key: string;
}

/** A request that can be named: it becomes an operation, or (`fault`) one that failed at once, so that its sender sees why. */
export interface NamedRequest {
  readonly principal: Principal;
  readonly requestId: string;
  readonly kind: OperationKind;
  /** Not yet checked against the kind's schema. */
  readonly body: Record<string, unknown>;
  readonly fault: OperationError | null;
}

type JsonObject = Record<string, unknown>;

/** No request that means anything comes near it. */
export const LONGEST_REQUEST = 64 * 1024;
const LONGEST_ID = 256;
const DEEPEST = 16;
/** Control characters, and halves of surrogate pairs: no database keeps them as they are. */
const UNFIT = /[\p{Cc}\p{Cs}]/u;
const PREFIX = 'entrepot.request.';

/**
 * Reads who asks for what, and under which id: the CloudEvent's, else the message's, else one made of the message's
 * place in its stream, so that a redelivery is the same request. Throws PoisonMessage where no operation can be named.
 */
export function parseRequest(raw: RawRequest): NamedRequest {
  const { definition, principal } = readSubject(raw.subject);
  const json = readObject(raw.bytes);
  const named = { principal, kind: definition.verb as OperationKind };
  if (!('specversion' in json)) return { ...named, ...readId(raw, raw.messageId), body: json };
  // An attribute that is null says the same as none (CloudEvents JSON format, 2.2).
  const event = readPlainly(CloudEventSchema, dropNulls(json));
  const id = typeof json.id === 'string' && json.id !== '' ? json.id : raw.messageId;
  if (event.fault) return { ...named, requestId: readId(raw, id).requestId, body: {}, fault: wrongEvent(event.fault) };
  const fault = wrongType(definition, event.data.type) ?? wrongData(event.data.data);
  return { ...named, ...firstFault(readId(raw, id), fault), body: isObject(event.data.data) ? event.data.data : {} };
}

function firstFault(read: { requestId: string; fault: OperationError | null }, fault: OperationError | null) {
  return { requestId: read.requestId, fault: read.fault ?? fault };
}

/** `entrepot.request.<verb>[.<principal>]`; the server lets nobody but that principal publish with its id. */
function readSubject(subject: string): { definition: RequestDefinition; principal: Principal } {
  const [verb = '', name, ...rest] = subject.slice(PREFIX.length).split('.');
  if (!subject.startsWith(PREFIX) || rest.length > 0) {
    throw new PoisonMessage(
      `the subject must be ${PREFIX}<verb> or ${PREFIX}<verb>.<principal>, not ${quoteText(subject)}`,
    );
  }
  const definition = REQUESTS.find((request) => request.verb === verb && verb in OPERATION_BODIES);
  if (!definition) {
    const verbs = REQUESTS.map((request) => request.verb).join(', ');
    throw new PoisonMessage(`there is no request ${quoteText(verb)}: the verbs are ${verbs}`);
  }
  const principal = PrincipalSchema.safeParse(name ?? ANONYMOUS);
  if (!principal.success) throw new PoisonMessage(`${quoteText(name ?? '')} is no principal: 1 to 64 of a-z and 0-9`);
  return { definition, principal: principal.data };
}

function readObject(bytes: Uint8Array): JsonObject {
  if (bytes.length === 0)
    throw new PoisonMessage('the message is empty: send a JSON object such as {"reference":"alpine:3"}');
  if (bytes.length > LONGEST_REQUEST) {
    throw new PoisonMessage(`the message has ${bytes.length} bytes: a request has at most ${LONGEST_REQUEST}`);
  }
  const json = readJson(bytes);
  if (!isObject(json)) throw new PoisonMessage('the message must be a JSON object such as {"reference":"alpine:3"}');
  return json;
}

function readJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new PoisonMessage('the message is not UTF-8');
  }
  try {
    return parseStrictJson(text, { maxDepth: DEEPEST });
  } catch (error) {
    throw new PoisonMessage(`the message cannot be read: ${(error as Error).message}`);
  }
}

/** Where the id cannot be kept, the request gets one made of it, fails, and says so. */
function readId(raw: RawRequest, id: string | undefined): { requestId: string; fault: OperationError | null } {
  if (id === undefined || id === '') return { requestId: `message-${raw.key}`, fault: null };
  if (id.length <= LONGEST_ID && !UNFIT.test(id)) return { requestId: id, fault: null };
  const rule = `must have at most ${LONGEST_ID} characters, and no control characters`;
  const hash = createHash('sha256').update(id).digest('hex').slice(0, 32);
  return { requestId: `unfit-${hash}`, fault: invalid('id', rule) };
}

function wrongEvent({ field, rule }: PlainFault): OperationError {
  return invalid(`the CloudEvent's ${field || 'envelope'}`, rule);
}

function wrongType(definition: RequestDefinition, type: string): OperationError | null {
  if (type === definition.type) return null;
  return invalid("the CloudEvent's type", `must be ${definition.type} on this subject, not ${quoteText(type)}`);
}

function wrongData(data: unknown): OperationError | null {
  return isObject(data) ? null : invalid("the CloudEvent's data", 'must be a JSON object');
}

function invalid(field: string, rule: string): OperationError {
  return { code: 'INVALID', message: `${field} is invalid: ${rule}`, detail: { field, rule } };
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
