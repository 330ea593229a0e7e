import type { RouteOptions } from 'fastify';
import { askRaw } from '#testing/raw-http';
import { TestGateway } from '../gateway.testing';
import { openApi } from './open-api';
import { REST_ROUTES } from './rest-routes';

interface Document {
  openapi: string;
  paths: Record<
    string,
    Record<string, { operationId: string; responses: Record<string, unknown>; parameters: unknown[] }>
  >;
  components: { schemas: Record<string, unknown> };
}
const document = openApi(REST_ROUTES, '1.2.3') as unknown as Document;

test('every route that is served is described, and every described one is served', async () => {
  const gateway = await TestGateway.start();
  try {
    const isRest = ({ url }: RouteOptions) => url.startsWith('/api/v1') && url !== '/api/v1/*';
    const served = gateway.routes.filter(isRest).flatMap(namesOf);
    const described = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    );
    expect(served.sort()).toEqual(described.sort());
  } finally {
    await gateway.stop();
  }
});

function namesOf({ method, url }: RouteOptions): string[] {
  const path = url.replace(/:(\w+)/g, '{$1}');
  return [method]
    .flat()
    .filter((each) => each !== 'HEAD')
    .map((each) => `${each.toLowerCase()} ${path}`);
}

test('operations have ids of their own', () => {
  const ids = REST_ROUTES.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test('every reference in the document leads somewhere', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
    ([, name]) => name!,
  );
  expect(references.length).toBeGreaterThan(0);
  for (const name of references) expect(document.components.schemas).toHaveProperty(name);
});

test('every pattern is one that any reader of JSON Schema has: no classes of Unicode', () => {
  const patterns = [...JSON.stringify(document).matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g)].map(([, text]) =>
    JSON.parse(text!),
  );
  expect(patterns.length).toBeGreaterThan(5);
  for (const pattern of patterns) expect(pattern).not.toMatch(/\\p\{/i);
});

test('every path parameter is declared, and every problem has its schema', () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const { parameters, responses } of Object.values(methods)) {
      for (const [, name] of path.matchAll(/\{(\w+)\}/g)) {
        expect(parameters).toContainEqual(expect.objectContaining({ name, in: 'path', required: true }));
      }
      expect(responses['400']).toMatchObject({ content: { 'application/problem+json': expect.anything() } });
    }
  }
});

describe('the page', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await TestGateway.start();
  });
  afterAll(() => gateway.stop());

  test.each(['/api/', '/api'])('%s needs nothing from elsewhere', async (path) => {
    const { status, headers, text } = await askRaw(gateway.port, path);
    expect(status).toBe(200);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(text).not.toMatch(/https?:\/\//);
    for (const [, file] of text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      expect((await askRaw(gateway.port, file!)).status).toBe(200);
    }
  });

  test('the document is served as it was generated', async () => {
    const { headers, text } = await askRaw(gateway.port, '/api/openapi.json');
    expect(headers['content-type']).toBe('application/json');
    expect(JSON.parse(text).paths).toEqual(JSON.parse(JSON.stringify(document.paths)));
  });

  test.each([
    'package.json',
    '../package.json',
    '..%2fpackage.json',
    'index.html',
    '__proto__',
    'constructor',
    'v1',
    'v2/x',
  ])('no other file is served: %s', async (file) => {
    const { status, headers } = await askRaw(gateway.port, `/api/${file}`);
    expect({ status, type: headers['content-type'] }).toEqual({ status: 404, type: 'application/problem+json' });
  });
});
