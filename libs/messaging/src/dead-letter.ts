import { headers, type MsgHdrs } from '@nats-io/transport-node';
import type { Delivery } from './delivery';

/** The headers of a dead letter; its payload is the message's own. */
export const DEAD = {
  subject: 'Entrepot-Dead-Subject',
  reason: 'Entrepot-Dead-Reason',
  key: 'Entrepot-Dead-Key',
  deliveries: 'Entrepot-Dead-Deliveries',
  messageId: 'Entrepot-Dead-Message-Id',
  headers: 'Entrepot-Dead-Headers',
  cutFrom: 'Entrepot-Dead-Cut-From',
} as const;

const LONGEST_REASON = 1_000;
const LONGEST_ID = 1_024;
const LONGEST_HEADERS = 4_096;
/** Room for our own headers and the subject. */
const HEADROOM = 16_384;

/** What is said of a message beside its bytes; what was never delivered has none of its own headers. */
export type DeadSubject = Pick<Delivery, 'subject' | 'key' | 'deliveries' | 'messageId' | 'headers'>;

export interface DeadLetter {
  readonly headers: MsgHdrs;
  readonly payload: Uint8Array;
  readonly messageId: string;
}

/**
 * A message as it is kept when it cannot be handled. Its own headers travel as text: some of them (`Nats-Rollup`,
 * `Nats-Expected-…`) would have the server refuse or obey them. A payload that would no longer fit beside the
 * reason is cut, and says so; `maxPayload` is the server's, in bytes.
 */
export function deadLetter(payload: Uint8Array, delivery: DeadSubject, reason: string, maxPayload: number): DeadLetter {
  const kept = headers();
  kept.set(DEAD.subject, delivery.subject);
  kept.set(DEAD.reason, printable(reason, LONGEST_REASON));
  kept.set(DEAD.key, delivery.key);
  kept.set(DEAD.deliveries, String(delivery.deliveries));
  const { messageId } = delivery;
  if (messageId && messageId.length <= LONGEST_ID) kept.set(DEAD.messageId, encodeURIComponent(messageId));
  const own = asciiJson(delivery.headers());
  if (own !== '{}' && own.length <= LONGEST_HEADERS) kept.set(DEAD.headers, own);
  const room = Math.max(0, maxPayload - HEADROOM);
  if (payload.length > room) kept.set(DEAD.cutFrom, String(payload.length));
  return { headers: kept, payload: payload.subarray(0, room), messageId: `dead-${delivery.key}` };
}

/** Headers are lines: what is no printable ASCII is escaped. */
function printable(text: string, longest: number): string {
  return text.slice(0, longest).replace(/[^\x20-\x7e]/g, escapeCharacter);
}

function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(/[^\x20-\x7e]/g, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
