import type { z } from 'zod';
import type { PullBody } from '#contracts/bodies/pull';
import type { RemoveBody } from '#contracts/bodies/remove';
import { OPERATION_BODIES, type OperationBody, type OperationKind } from '#contracts/operation';
import { parsePlatform } from '#oci/platform';
import { readPlainly } from '#oci/read-plainly';
import { parseAnyReference } from '#oci/reference';
import { invalidField, isRegistryError, type RegistryError } from '#oci/registry-error';
import { hashBody } from './hash-body';

export interface CheckedRequest {
  readonly kind: OperationKind;
  /** As its schema gives it, defaults filled in. */
  readonly body: Record<string, unknown>;
  readonly hash: Buffer;
}

/**
 * What can be found wrong with a request before anything is asked of anybody. Throws INVALID, naming the field and
 * the rule.
 */
export function checkRequest(kind: OperationKind, body: Record<string, unknown>): CheckedRequest {
  const { data, fault } = readPlainly<OperationBody>(OPERATION_BODIES[kind] as z.ZodType<OperationBody>, body);
  if (fault) throw invalidField(fault.field || 'the body', fault.rule);
  if (kind === 'pull') checkPull(data as PullBody);
  if (kind === 'remove') checkRemove(data as RemoveBody);
  return { kind, body: data, hash: hashBody(kind, data) };
}

/** An id is shown in logs and terminals, and Postgres keeps no U+0000. Throws INVALID. */
export function checkRequestId(id: string): void {
  if (/[\p{Cc}\p{Cs}]/u.test(id)) throw invalidField('requestId', 'must not contain control characters');
}

function checkPull({ reference, platforms }: PullBody): void {
  inField('reference', () => parsePulled(reference));
  if (Array.isArray(platforms)) {
    for (const platform of platforms) inField('platforms', () => parsePlatform(platform));
  }
}

function checkRemove({ reference, references, now, confirm, withContainers, withRunning }: RemoveBody): void {
  if (reference === undefined && references === undefined) throw invalidField('reference', 'is missing');
  if (reference !== undefined && references !== undefined)
    throw invalidField('references', 'cannot be beside reference: one of them says what to remove');
  if (withRunning && !withContainers) throw invalidField('withRunning', 'goes with withContainers only');
  if (confirm !== undefined && !now) throw invalidField('confirm', 'goes with now only');
}

function parsePulled(text: string): void {
  if (parseAnyReference(text).kind === 'reference') return;
  throw invalidField('reference', 'a digest alone does not say which registry has it: write name@sha256:<hex>');
}

/** Whatever is wrong inside a field is that field's fault. Throws INVALID. */
export function inField<T>(field: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!isRegistryError(error)) throw error;
    throw isRegistryError(error, 'INVALID') && fieldOf(error) === field ? error : invalidField(field, error.message);
  }
}

function fieldOf({ detail }: RegistryError): unknown {
  return typeof detail === 'object' && detail !== null && 'field' in detail ? detail.field : undefined;
}
