import { UnsupportedMediaTypeException } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { bareMediaType } from '#oci/media-type';
import { readPlainly } from '#oci/read-plainly';
import { invalidField } from '#oci/registry-error';
import { queryOf } from '../registry/parse-registry-path';
import type { RestRoute } from './rest-route';

type QueryOf<Route extends RestRoute> = z.output<Route['query']>;
type ParamsOf<Route extends RestRoute> = z.output<Route['params']>;
type BodyOf<Route extends RestRoute> = Route['body'] extends z.ZodType ? z.output<Route['body']> : never;

/** What a route's schemas say of its path and its query. Throws INVALID with the field and the rule. */
export function readQuery<Route extends RestRoute>(route: Route, request: FastifyRequest): QueryOf<Route> {
  const query = queryOf(request.url);
  const given = [...new Set(query.keys())].map((name) => {
    const values = query.getAll(name);
    const isList = takesList(route.query.shape[name]);
    if (values.length > 1 && !isList) throw invalidField(name, 'must be given once');
    return [name, isList ? values : values[0]];
  });
  return read(route.query, Object.fromEntries(given), 'query') as QueryOf<Route>;
}

/** What may be given several times. */
function takesList(schema: z.ZodType | undefined): boolean {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return takesList(schema.unwrap() as z.ZodType);
  return schema instanceof z.ZodArray;
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
  if (/charset\s*=\s*(?!"?utf-8\b)/i.test(type)) throw new UnsupportedMediaTypeException('JSON is UTF-8');
  const coding = request.headers['content-encoding'] ?? 'identity';
  if (coding.toLowerCase() !== 'identity') {
    throw new UnsupportedMediaTypeException('the body must be sent as it is, without a Content-Encoding');
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

function read(schema: z.ZodType, value: unknown, whole = 'body'): unknown {
  const { data, fault } = readPlainly(schema, value);
  if (fault) throw invalidField(fault.field || whole, fault.rule);
  return data;
}
