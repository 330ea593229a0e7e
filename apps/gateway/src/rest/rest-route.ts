import { RequestMapping, RequestMethod } from '@nestjs/common';
import type { z } from 'zod';

/** One answer that a route gives when all goes well. */
export interface RestAnswer {
  readonly description: string;
  readonly schema?: z.ZodType;
  readonly headers?: Readonly<Record<string, string>>;
  /** Where the answer is text of another kind, or may be: its media type. `description` says how it looks. */
  readonly mediaType?: string;
}

/** A route of the REST API, declared once: the controller, the checks and the OpenAPI document are made of it. */
export interface RestRoute<
  Params extends z.ZodObject = z.ZodObject,
  Query extends z.ZodObject = z.ZodObject,
  Body extends z.ZodType = z.ZodType,
> {
  /** The OpenAPI operationId. */
  readonly id: string;
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** In OpenAPI's spelling: `/api/v1/operations/{id}`. */
  readonly path: `/api/v1/${string}`;
  readonly tag: string;
  readonly summary: string;
  readonly params: Params;
  readonly query: Query;
  readonly headers?: z.ZodObject;
  readonly body?: Body;
  readonly answers: Readonly<Record<number, RestAnswer>>;
  /** The statuses of problems it may answer, beside those of every route. */
  readonly problems: readonly number[];
}

const METHODS = {
  get: RequestMethod.GET,
  post: RequestMethod.POST,
  put: RequestMethod.PUT,
  patch: RequestMethod.PATCH,
  delete: RequestMethod.DELETE,
} as const;

/** Marks the controller method that answers this route. */
export function Serves({ method, path }: RestRoute): MethodDecorator {
  return RequestMapping({ method: METHODS[method], path: path.replace(/\{(\w+)\}/g, ':$1') });
}
