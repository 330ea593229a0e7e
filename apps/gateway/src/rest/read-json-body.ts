import type { FastifyRequest } from 'fastify';
import { invalidField } from '#oci/registry-error';
import { parseStrictJson } from '#oci/strict-json';

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Fastify's parser of `application/json`: strict, so that a body means one thing to every reader. */
export function readJsonBody(
  _request: FastifyRequest,
  body: Buffer,
  done: (error: Error | null, json?: unknown) => void,
): void {
  try {
    done(null, parseStrictJson(UTF8.decode(body)));
  } catch (error) {
    done(invalidField('body', error instanceof SyntaxError ? error.message : 'must be JSON in UTF-8'));
  }
}
