import { randomUUID } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import type { Calls } from '#calls/calls';
import { AcceptOperation } from '#contracts/calls/operations';
import type { Operation, OperationKind } from '#contracts/operation';
import { ANONYMOUS } from '#contracts/principal';
import { type ErrorCode, RegistryError } from '#oci/registry-error';
import { STATUS } from '../registry/registry-error.filter';
import { readHeader } from './read-request';
import type { RestRoute } from './rest-route';

/** Has an operation taken in, under the request's Idempotency-Key where it has one. */
export async function askOperation(
  calls: Calls,
  route: RestRoute,
  request: FastifyRequest,
  asked: { readonly kind: OperationKind; readonly body: Record<string, unknown> },
): Promise<Operation> {
  const requestId = readHeader(route, 'idempotency-key', request) ?? randomUUID();
  const { operation } = await calls.ask(AcceptOperation, { principal: ANONYMOUS, requestId, ...asked });
  return operation;
}

/**
 * The same for what is done where it is taken in: what came of it. Throws as the operation failed, which one under the
 * same key may have before.
 */
export async function askAtOnce(
  calls: Calls,
  route: RestRoute,
  request: FastifyRequest,
  asked: { readonly kind: OperationKind; readonly body: Record<string, unknown> },
): Promise<{ operation: Operation; outcome: Record<string, unknown> }> {
  const operation = await askOperation(calls, route, request, asked);
  return { operation, outcome: outcomeOf(operation) };
}

/**
 * One that is not done yet, or is. What a message asked for under the same key, and was refused, is refused here too.
 * Throws as the operation failed.
 */
export function acceptedOf(operation: Operation): Operation {
  if (operation.error && operation.state === 'failed') outcomeOf(operation);
  return operation;
}

/** Throws as the operation failed. */
export function outcomeOf({ id, error, outcome, state }: Operation): Record<string, unknown> {
  if (error) throw new RegistryError(codeOf(error.code), error.message, { detail: error.detail });
  if (outcome === null) throw new RegistryError('CONFLICT', `operation ${id} is ${state}: it did nothing`);
  return outcome;
}

function codeOf(code: string): ErrorCode {
  return Object.hasOwn(STATUS, code) ? (code as ErrorCode) : 'INTERNAL';
}
