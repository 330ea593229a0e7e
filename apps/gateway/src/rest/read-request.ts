import { UnsupportedMediaTypeException } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { bareMediaType } from '#oci/media-type';
import { invalidField } from '#oci/registry-error';
import { queryOf } from '../registry/parse-registry-path';
import type { RestRoute } from './rest-route';

type QueryOf<Route extends RestRoute> = z.output<Route['query']>;
type ParamsOf<Route extends RestRoute> = z.output<Route['params']>;
type BodyOf<Route extends RestRoute> = Route['body'] extends z.ZodType ? z.output<Route['body']> : never;

/** What a route's schemas say of its path and its query. Throws INVALID with the field and the rule. */
export function readQuery<Route extends RestRoute>(route: Route, request: FastifyRequest): QueryOf<Route> {
  const query = queryOf(request.url);
  for (const name of query.keys()) {
    if (query.getAll(name).length > 1) throw invalidField(name, 'must be given once');
  }
  return read(route.query, Object.fromEntries(query)) as QueryOf<Route>;
}

export function readParams<Route extends RestRoute>(route: Route, request: FastifyRequest): ParamsOf<Route> {
  return read(route.params, request.params) as ParamsOf<Route>;
}

/** The JSON body. Another media type is answered 415. */
export function readBody<Route extends RestRoute>(route: Route, request: FastifyRequest): BodyOf<Route> {
  const type = request.headers['content-type'];
  if (type === undefined || bareMediaType(type) !== 'application/json') {
    throw new UnsupportedMediaTypeException('the body must be JSON: send Content-Type: application/json');
  }
  if (typeof request.body !== 'object' || request.body === null || Array.isArray(request.body)) {
    throw invalidField('body', 'must be a JSON object');
  }
  return read(route.body as z.ZodType, request.body) as BodyOf<Route>;
}

/** A request header that the route knows; absent, or as its schema has it. */
export function readHeader(route: RestRoute, name: string, request: FastifyRequest): string | undefined {
  const schema = route.headers ?? z.object({});
  return (read(schema, { [name]: request.headers[name] }) as Record<string, string | undefined>)[name];
}

function read(schema: z.ZodType, value: unknown): unknown {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const { field, rule } = firstFault(error.issues);
  throw invalidField(field, rule);
}

/** The first fault in words: a field by its path, and what it must be. */
function firstFault(issues: readonly z.core.$ZodIssue[]): { field: string; rule: string } {
  const issue = issues[0]!;
  const field = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return { field: [field, issue.keys[0]].filter(Boolean).join('.'), rule: 'is not known here' };
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) return nearestFault(field, issue.errors);
  return { field: field || 'body', rule: issue.message };
}

/** Of several shapes that do not fit, the one whose fault lies deepest is the one that was meant. */
function nearestFault(field: string, shapes: readonly z.core.$ZodIssue[][]): { field: string; rule: string } {
  const faults = shapes.map((issues) => firstFault(issues));
  const depths = shapes.map((issues) => issues[0]!.path.length);
  const deepest = Math.max(...depths);
  if (deepest === 0) return { field, rule: faults.map(({ rule }) => rule).join(', or ') };
  const nearest = faults[depths.indexOf(deepest)]!;
  return { field: `${field}.${nearest.field}`, rule: nearest.rule };
}
