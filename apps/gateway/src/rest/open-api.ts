import { z } from 'zod';
import { ContainerSchema } from '#contracts/calls/containers';
import { ImageSchema } from '#contracts/calls/images';
import { OperationSchema } from '#contracts/operation';
import { ProblemSchema } from './problem.filter';
import type { RestAnswer, RestRoute } from './rest-route';
import { ContainerDetailsSchema } from './routes/containers';
import { ImageDetailsSchema } from './routes/inspect';

type Json = Record<string, unknown>;

/** Schemas that have a name of their own in the document; all others stand where they are used. */
const NAMED: ReadonlyMap<z.ZodType, string> = new Map<z.ZodType, string>([
  [OperationSchema, 'Operation'],
  [ImageSchema, 'Image'],
  [ImageDetailsSchema, 'ImageDetails'],
  [ContainerSchema, 'Container'],
  [ContainerDetailsSchema, 'ContainerDetails'],
  [ProblemSchema, 'Problem'],
]);

/** What any route may answer: a fault of the request, a page from elsewhere, a name that is not ours, something away. */
const ALWAYS = [400, 403, 421, 500, 503, 504];

const PROBLEM = { $ref: '#/components/schemas/Problem' };

/** The OpenAPI 3.1 document of these routes, made of nothing but their declarations. */
export function openApi(routes: readonly RestRoute[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) };
  const schemas = Object.fromEntries([...NAMED].map(([schema, name]) => [name, jsonSchema(schema, 'output')]));
  return {
    openapi: '3.1.1',
    info: {
      title: 'Entrepot',
      version,
      description:
        'A container registry and pull-through cache. Images are pulled and pushed under /v2/ by the OCI distribution specification.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: { schemas },
  };
}

function operationOf(route: RestRoute): Json {
  const parameters = [
    ...parametersOf(route.params, 'path'),
    ...parametersOf(route.query, 'query'),
    ...parametersOf(route.headers ?? z.object({}), 'header'),
  ];
  return {
    operationId: route.id,
    tags: [route.tag],
    summary: route.summary,
    parameters,
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: json(jsonSchema(route.body, 'input')) } }),
    responses: responsesOf(route),
  };
}

function parametersOf(schema: z.ZodObject, where: 'path' | 'query' | 'header'): Json[] {
  const { properties = {}, required = [] } = jsonSchema(schema, 'input') as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name: where === 'header' ? headerName(name) : name,
    in: where,
    required: where === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: withNumber(rest),
  }));
}

/** A number in a query is text that means one; the document names what it means, its default too. */
function withNumber(schema: Json): Json {
  return schema.type === 'integer' && 'default' in schema ? { ...schema, default: Number(schema.default) } : schema;
}

function responsesOf({ answers, problems }: RestRoute): Json {
  const well = Object.entries(answers).map(([status, answer]) => [status, responseOf(answer)]);
  const statuses = [...new Set([...ALWAYS, ...problems])].sort((a, b) => a - b);
  const faults = statuses.map((status) => [
    status,
    { description: FAULTS[status], content: { 'application/problem+json': { schema: PROBLEM } } },
  ]);
  return Object.fromEntries([...well, ...faults]);
}

function responseOf({ description, schema, headers = {}, mediaType }: RestAnswer): Json {
  const described = Object.entries(headers).map(([name, text]) => [
    name,
    { description: text, schema: { type: 'string' } },
  ]);
  return {
    description,
    ...(described.length === 0 ? {} : { headers: Object.fromEntries(described) }),
    content: {
      ...(schema === undefined ? {} : json(refer(schema))),
      ...(mediaType === undefined ? {} : { [mediaType]: { schema: { type: 'string' } } }),
    },
  };
}

const FAULTS: Readonly<Record<number, string>> = {
  400: 'the request is wrong: `field` and `rule` say where and how',
  403: 'refused',
  404: 'there is no such thing',
  409: 'it cannot be done as things are now',
  410: 'it was here, and is not any more',
  412: 'things are not as the request says they must be',
  413: 'the body is too large',
  415: 'the body is no JSON',
  421: 'the Host header names somebody else',
  500: 'a fault here; the log says more',
  503: 'something that is needed is away: ask again after `Retry-After`',
  504: 'it took too long: whether it happened is unknown, so ask',
};

function refer(schema: z.ZodType): Json {
  const name = NAMED.get(schema);
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  if (schema instanceof z.ZodArray) return { type: 'array', items: refer(schema.element as z.ZodType) };
  return jsonSchema(schema, 'output');
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io });
  return rest;
}

function json(schema: Json): Json {
  return { 'application/json': { schema } };
}

function headerName(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
