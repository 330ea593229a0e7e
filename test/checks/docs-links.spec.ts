import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import type { z } from 'zod';
import { natsServerConfig } from '#children/nats-server-config';
import { HOUSE } from './planted-tree';

const inHouse = (path: string) => join(HOUSE, path);
const read = (path: string) => readFileSync(inHouse(path), 'utf8');

function filesBelow(folder: string, ending: RegExp): string[] {
  return readdirSync(inHouse(folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path, ending);
    return ending.test(entry.name) ? [path] : [];
  });
}

const PAGES = [...readdirSync(HOUSE).filter((name) => name.endsWith('.md')), ...filesBelow('docs', /\.md$/)];
const WRITTEN = PAGES.filter((page) => !page.startsWith('docs/reference/'));

/** Prose alone: what stands in code blocks is an example of something. */
const prose = (page: string) => read(page).replace(/^```[\s\S]*?^```/gm, '');

/** As GitHub makes them. */
function anchors(page: string): Set<string> {
  const headings = [...prose(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => heading);
  const slug = (heading: string) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
  return new Set(headings.map(slug));
}

function brokenLinks(page: string): string[] {
  const targets = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return targets.filter((target) => {
    if (/^(https?|mailto):/.test(target)) return false;
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page : normalize(join(dirname(page), path));
    if (!existsSync(inHouse(file))) return true;
    return anchor !== undefined && file.endsWith('.md') && !anchors(file).has(anchor);
  });
}

/** Paths of the tree in backticks, as prose names them. */
function missingPaths(page: string): string[] {
  const named = [...prose(page).matchAll(/`((?:apps|libs|test|scripts|docs|deploy)\/[\w./-]*)`/g)];
  return named.map(([, path = '']) => path).filter((path) => !existsSync(inHouse(path)));
}

describe('the documents', () => {
  it.each(PAGES)('%s: every link leads somewhere', (page) => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it.each(WRITTEN)('%s: every path that it names is there', (page) => {
    expect(missingPaths(page)).toEqual([]);
  });

  it('there is a way from the README to every page', () => {
    const reached = new Set(['README.md']);
    for (const page of reached) {
      for (const [, target = ''] of prose(page).matchAll(/\]\(([^)\s#]+\.md)[^)]*\)/g)) {
        if (!/^https?:/.test(target)) reached.add(normalize(join(dirname(page), target)));
      }
    }
    expect(PAGES.filter((page) => !reached.has(page))).toEqual([]);
  });
});

/** Those of every app and service, and what the program and its tests read before any schema. */
function knownSettings(): Set<string> {
  const files = [...filesBelow('apps', /\.config\.ts$/), ...filesBelow('libs/service', /\.config\.ts$/)];
  const exported = files.flatMap((file) => Object.entries<z.ZodObject>(require(inHouse(file))));
  const schemas = exported.filter(([name]) => name.endsWith('ConfigSchema'));
  return new Set([
    ...schemas.flatMap(([, schema]) => Object.keys(schema.shape)),
    'ENTREPOT_FAILPOINTS',
    'ENTREPOT_PEERS',
  ]);
}

describe('settings', () => {
  const known = knownSettings();
  const named = (path: string) => [
    ...new Set([...read(path).matchAll(/\bENTREPOT_[A-Z0-9_]+\b/g)].map(([name]) => name)),
  ];
  /** Streams have names of the same form. */
  const STREAMS = /^ENTREPOT_(REQUESTS|FACTS|OUTCOMES|DEAD)$/;

  it.each([...PAGES, 'docker-compose.yml', ...filesBelow('deploy', /./)])(
    '%s names none that does not exist',
    (path) => {
      expect(named(path).filter((name) => !known.has(name) && !STREAMS.test(name))).toEqual([]);
    },
  );
});

describe('the bus of docker-compose.yml', () => {
  it('allows what the bus of the standalone program allows, and nothing else', () => {
    const subjects = (config: string) =>
      [...config.matchAll(/"((?:entrepot\.|\$JS|\$SYS|_INBOX)[^"]*)"/g)].map(([, name]) => name);
    const standalone = natsServerConfig({ port: 4222, storeFolder: '/data', password: 'secret', issuer: 'A' });
    expect(subjects(read('deploy/nats-server.conf')).sort()).toEqual(subjects(standalone).sort());
  });
});
