import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { transformFileSync } from '@swc/core';

const CALLS = 'libs/contracts/src/calls';

/** Everything the pages are made of, as the sources declare it. */
export function readDeclarations(root) {
  const require = requireSources(root);
  const source = (path) => require(join(root, path));
  const { openApi } = source('apps/gateway/src/rest/open-api.ts');
  const { REST_ROUTES } = source('apps/gateway/src/rest/rest-routes.ts');
  const { STATUS, errorHeaders } = source('apps/gateway/src/registry/registry-error.filter.ts');
  const { VERSION } = source('apps/gateway/src/version.ts');
  const { REQUESTS, REQUEST_STREAM } = source('libs/contracts/src/requests.ts');
  const { FACTS, FACT_STREAM } = source('libs/contracts/src/facts.ts');
  const envelopes = source('libs/contracts/src/cloud-event.ts');
  return {
    version: VERSION,
    schemas: readConfigSchemas(root, source),
    describeConfig: source('libs/config/src/describe-config.ts').describeConfig,
    requests: REQUESTS.map((request) => ({ ...request, schema: request.body, golden: golden(root, request.type) })),
    facts: FACTS.map((fact) => ({ ...fact, schema: fact.data, golden: golden(root, fact.type) })),
    streams: { requests: REQUEST_STREAM, facts: FACT_STREAM },
    envelopes: { request: envelopes.CloudEventSchema, fact: envelopes.FactEventSchema },
    progress: source('libs/contracts/src/progress.ts').ProgressSchema,
    shapes: readShapes(root, source),
    calls: readCalls(root, source),
    errors: readErrors(source('libs/oci/src/registry-error.ts'), STATUS, errorHeaders),
    openApi: openApi(REST_ROUTES, VERSION),
    commands: readCommands(source),
    metrics: readMetrics(root, source),
  };
}

/** Every figure of the files that are named for them, in groups by file; those of the collector of figures come last. */
function readMetrics(root, source) {
  const folders = [
    ...readdirSync(join(root, 'apps')).map((app) => `apps/${app}/src`),
    'libs/messaging/src',
    'libs/calls/src',
  ];
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((file) => file.endsWith('-metrics.ts'))
      .map((file) => `${folder}/${file}`),
  );
  for (const file of files) source(file);
  const { describeMetrics } = source('libs/telemetry/src/metrics.ts');
  const groupOf = new Map(
    files.flatMap((file) =>
      Object.values(source(file)).map(({ name }) => [name, file.match(/([\w]+)-metrics\.ts$/)[1]]),
    ),
  );
  return describeMetrics().map((metric) => ({ ...metric, group: groupOf.get(metric.name) ?? 'source' }));
}

/** The tree of the `entrepot` command, as data. */
function readCommands(source) {
  const { buildProgram } = source('apps/cli/src/program.ts');
  const { describeCommand } = source('apps/cli/src/describe-command.ts');
  const { EXIT } = source('apps/cli/src/fault.ts');
  return { program: describeCommand(buildProgram({ out() {}, err() {} })), exits: EXIT };
}

/** A `require` that compiles TypeScript as it comes. */
function requireSources(root) {
  const require = createRequire(join(root, 'package.json'));
  require.extensions['.ts'] = (module, file) => {
    module._compile(transformFileSync(file, { cwd: root, swcrc: true, sourceMaps: 'inline' }).code, file);
  };
  require('reflect-metadata');
  return require;
}

/** The settings of each app, and those that every service has as a process of its own, by the files' names. */
function readConfigSchemas(root, source) {
  const folders = [
    ...readdirSync(join(root, 'apps'))
      .sort()
      .map((app) => `apps/${app}/src`),
    'libs/service/src',
  ];
  const files = folders.flatMap((folder) => configFiles(root, folder).map((file) => `${folder}/${file}`));
  return files.map((file) => {
    const schema = Object.entries(source(file)).find(([name]) => name.endsWith('ConfigSchema'))?.[1];
    if (!schema) throw new Error(`${file} exports no ...ConfigSchema`);
    return { name: file.match(/([\w-]+)\.config\.ts$/)[1], schema };
  });
}

function configFiles(root, folder) {
  return readdirSync(join(root, folder))
    .filter((file) => file.endsWith('.config.ts'))
    .sort();
}

/** Calls in the order of their files, each with the comment above it: that is where its law stands. */
function readCalls(root, source) {
  return listCalls(root).flatMap((file) => {
    const exported = source(`${CALLS}/${file}`);
    const text = readFileSync(join(root, CALLS, file), 'utf8');
    return [...text.matchAll(/(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?export const (\w+) = defineCall\(/g)].map(
      ([, comment = '', name]) => ({ ...exported[name], constant: name, law: commentText(comment) }),
    );
  });
}

function listCalls(root) {
  return readdirSync(join(root, CALLS))
    .filter((file) => /^[\w-]+\.ts$/.test(file))
    .sort();
}

/** The schemas that calls share, each with the name it is exported by; what is asked for stands in the messages. */
function readShapes(root, source) {
  const files = ['operation.ts', ...listCalls(root).map((file) => `calls/${file}`)];
  const exported = files.flatMap((file) => Object.entries(source(`libs/contracts/src/${file}`)));
  const shapes = exported.filter(
    ([name, schema]) => /(?<!Body)Schema$/.test(name) && schema._zod?.def.type === 'object',
  );
  const { BytesSchema } = source('libs/contracts/src/define-call.ts');
  return new Map([[BytesSchema, 'bytes'], ...shapes.map(([name, schema]) => [schema, name.replace(/Schema$/, '')])]);
}

function commentText(comment) {
  return comment
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim())
    .filter(Boolean)
    .join(' ');
}

function readErrors({ OCI_ERROR_CODES, ENTREPOT_ERROR_CODES, RegistryError }, statuses, errorHeaders) {
  const row = (code) => ({
    code,
    status: statuses[code],
    retryAfter: errorHeaders(new RegistryError(code, ''))['Retry-After'],
  });
  return { oci: OCI_ERROR_CODES.map(row), own: ENTREPOT_ERROR_CODES.map(row) };
}

function golden(root, type) {
  return JSON.parse(readFileSync(join(root, 'libs/contracts/testdata', `${type}.json`), 'utf8'));
}
