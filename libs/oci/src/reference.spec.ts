import * as fc from 'fast-check';
import docker from '../testdata/docker-references.json';
import {
  dockerReference,
  familiarReference,
  formatReference,
  parseAnyReference,
  parseReference,
  withDefaultTag,
} from './reference';
import { RegistryError } from './registry-error';

const H = 'a1b2c3d4'.repeat(8);
const HUB = 'docker.io';
const LONG = 'b'.repeat(253);

/** The grammar of Docker's reference package, as one expression over a normalised name: the second opinion that the parser is held to. */
const LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const DOMAIN = `(?:${LABEL}(?:\\.${LABEL})*|\\[(?:[a-fA-F0-9:]+)\\])(?::[0-9]+)?`;
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const DIGEST = 'sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}';
const GRAMMAR = new RegExp(
  `^(${DOMAIN})/(${COMPONENT}(?:/${COMPONENT})*)(?::([a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}))?(?:@(${DIGEST}))?$`,
);

function byGrammar(text: string) {
  if (/^[a-f0-9]{64}$/.test(text)) return undefined;
  const slash = text.indexOf('/');
  const first = slash < 0 ? '' : text.slice(0, slash);
  const isDomain = first === 'localhost' || /[.:A-Z]/.test(first);
  let [domain, rest] = isDomain ? [first, text.slice(slash + 1)] : [HUB, text];
  if (domain === 'index.docker.io') domain = HUB;
  if (domain === HUB && !rest.includes('/')) rest = `library/${rest}`;
  const [, host, path, tag, digest] = GRAMMAR.exec(`${domain}/${rest}`) ?? [];
  if (host === undefined || path === undefined || path.length > 255) return undefined;
  return { domain: host, path, ...(tag && { tag }), ...(digest && { digest }) };
}

const attempt = (text: string) => {
  try {
    return parseReference(text);
  } catch (error) {
    expect(error).toBeInstanceOf(RegistryError);
    return undefined;
  }
};

describe("beside Docker's own parser, whose answers to some five hundred strings are kept", () => {
  const whole = (text: string) => text.replaceAll('H', H);

  it('reads what it reads, as it does', () => {
    for (const [text, parts] of docker.read as [string, string[]][]) {
      const [domain, path, tag, digest] = parts.map(whole);
      expect([text, attempt(whole(text))]).toEqual([
        text,
        { domain, path, ...(tag && { tag }), ...(digest && { digest }) },
      ]);
    }
  });

  it('refuses what it refuses', () => {
    expect(docker.refused.filter((text) => attempt(whole(text)) !== undefined)).toEqual([]);
  });

  it('refuses the names to which it gives an empty registry', () => {
    expect(docker.emptyDomain.filter((text) => attempt(whole(text)) !== undefined)).toEqual([]);
  });
});

const accepted: [text: string, domain: string, path: string, tag?: string | undefined, digest?: string][] = [
  ['ubuntu', HUB, 'library/ubuntu'],
  ['index.docker.io/library/ubuntu-12.04-base', HUB, 'library/ubuntu-12.04-base'],
  ['docker.io/foo', HUB, 'library/foo'],
  ['library/foo/bar', HUB, 'library/foo/bar'],
  ['store/foo/bar', HUB, 'store/foo/bar'],
  ['fooo/bar', HUB, 'fooo/bar'],
  ['localhost/fooo', 'localhost', 'fooo'],
  ['LOCALDOMAIN/fooo', 'LOCALDOMAIN', 'fooo'],
  ['Foo/bar', 'Foo', 'bar'],
  ['docker/migrator', HUB, 'docker/migrator'],
  ['test_com/foo', HUB, 'test_com/foo'],
  ['127.0.0.1:8000/privatebase', '127.0.0.1:8000', 'privatebase'],
  ['example.com:8000/private/moonbase', 'example.com:8000', 'private/moonbase'],
  ['test.com:8080/foo', 'test.com:8080', 'foo'],
  ['xn--n3h.com:18080/foo', 'xn--n3h.com:18080', 'foo'],
  ['[fc00::1]:5000/docker', '[fc00::1]:5000', 'docker'],
  [`docker.io/${H}`, HUB, `library/${H}`],
  [`docker.io/some/${H}`, HUB, `some/${H}`],
  ['d/docker', HUB, 'd/docker'],
  ['jess/t', HUB, 'jess/t'],
  ['docker---rules/docker', HUB, 'docker---rules/docker'],
  ['dock__er/docker', HUB, 'dock__er/docker'],
  ['192.168.0.1:80', HUB, 'library/192.168.0.1', '80'],
  ['192.168.0.1', HUB, 'library/192.168.0.1'],
  ['test.com:5000', HUB, 'library/test.com', '5000'],
  ['test:5000/repo', 'test:5000', 'repo'],
  [`test:5000/repo:tag@sha256:${H}`, 'test:5000', 'repo', 'tag', `sha256:${H}`],
  ['lowercase:Uppercase', HUB, 'library/lowercase', 'Uppercase'],
  [`example.com/${LONG}cc`, 'example.com', `${LONG}cc`],
  ['foo_bar.com:8080', HUB, 'library/foo_bar.com', '8080'],
  ['foo/foo_bar.com:8080', HUB, 'foo/foo_bar.com', '8080'],
  ['[::1]:5000/repo', '[::1]:5000', 'repo'],
  ['[2001:db8::1]/repo:tag', '[2001:db8::1]', 'repo', 'tag'],
  [`localhost:8080@sha256:${H}`, HUB, 'library/localhost', '8080', `sha256:${H}`],
  ['localhost', HUB, 'library/localhost'],
  ['localhost:5000', HUB, 'library/localhost', '5000'],
  ['localhost:5000/foo', 'localhost:5000', 'foo'],
  ['docker.io', HUB, 'library/docker.io'],
  ['registry-1.docker.io/ubuntu', 'registry-1.docker.io', 'ubuntu'],
  ['index.docker.io/ubuntu', HUB, 'library/ubuntu'],
  ['DOCKER.IO/ubuntu', 'DOCKER.IO', 'ubuntu'],
  ['ubuntu:LATEST', HUB, 'library/ubuntu', 'LATEST'],
  [`ubuntu@sha512:${H}${H}`, HUB, 'library/ubuntu', undefined, `sha512:${H}${H}`],
  ['host:99999/foo', 'host:99999', 'foo'],
  ['myhost/foo', HUB, 'myhost/foo'],
  ['myhost:80/foo', 'myhost:80', 'foo'],
  [`ubuntu:${'t'.repeat(128)}`, HUB, 'library/ubuntu', 't'.repeat(128)],
  ['ubuntu:_x', HUB, 'library/ubuntu', '_x'],
  ['foo--bar', HUB, 'library/foo--bar'],
  ['123/456', HUB, '123/456'],
  ['gcr.io/a/b/c/d/e', 'gcr.io', 'a/b/c/d/e'],
  [`sha256:${H}`, HUB, 'library/sha256', H],
  [H.slice(1), HUB, `library/${H.slice(1)}`],
  [`${H}:latest`, HUB, `library/${H}`, 'latest'],
  [`a/${LONG}`, HUB, `a/${LONG}`],
];

const lowercase = /must be lowercase/;
const joined = /may be joined only by/;
const ends = /must begin and end with a letter or a digit/;
const noHost = /is no registry host/;
const letters = /the repository may have only/;
const emptyPart = /empty component/;

const refused: [text: string, message: RegExp, code?: string][] = [
  ['', /must not be empty/],
  ['https://github.com/docker/docker', /must not have a scheme/],
  ['docker/Docker', lowercase],
  ['-docker', ends],
  ['-docker/docker', ends],
  ['-docker.io/docker/docker', noHost],
  ['docker///docker', emptyPart],
  ['docker.io/docker/Docker', lowercase],
  ['docker.io/docker///docker', emptyPart],
  ['docker-/docker', ends],
  ['____/____', ends],
  ['_docker/_docker', ends],
  ['dock..er/docker', noHost],
  ['docker/dock..er', joined],
  ['a/dock_.er', joined],
  ['dock_.er/docker', noHost],
  ['dock-.er/docker', noHost],
  ['docker/', emptyPart],
  [H, /is an image ID/],
  ['[fc00::1]', letters],
  ['[fc00::1]:5000', letters],
  ['fc00::1:5000/debian', noHost],
  ['[fe80::1%eth0]:5000/debian', noHost],
  ['[2001:db8:3:4::192.0.2.33]:5000/debian', noHost],
  ['[2001:db8::1]', letters],
  ['Uppercase:tag', lowercase],
  ['test:5000/Uppercase/lowercase:tag', lowercase],
  [':justtag', emptyPart],
  [`@sha256:${H}`, emptyPart],
  [`repo@sha256:${H.slice(30)}`, /must have 64 hex digits, not 34/, 'DIGEST_INVALID'],
  [`validname@invaliddigest:${H}`, /unsupported algorithm/, 'DIGEST_INVALID'],
  [`validname@sha384:${H}${H.slice(32)}`, /unsupported algorithm/, 'DIGEST_INVALID'],
  [`domain/${LONG}ccc`, /at most 255 characters, not 263/],
  [`a/${LONG}c`, /at most 255 characters, not 256/],
  ['aa/asdf$$^/aa', letters],
  ['localhost:http/name', noHost],
  ['bad_hostname.com:8080/myapp:tag', noHost],
  ['docker.io/', emptyPart],
  ['docker.io//foo', emptyPart],
  ['Ubuntu', lowercase],
  ['ubuntu:', /tag .* must not be empty/],
  ['ubuntu@', /digest .* must be <algorithm>:<hex>/, 'DIGEST_INVALID'],
  ['ubuntu:a:b', /tag .* may have only/],
  [`ubuntu@sha256:${H}:tag`, /64 hex digits/, 'DIGEST_INVALID'],
  [`ubuntu@SHA256:${H}`, /unsupported algorithm/, 'DIGEST_INVALID'],
  [`ubuntu@sha256:${H.toUpperCase()}`, /hex digits must be lowercase/, 'DIGEST_INVALID'],
  [`ubuntu@sha256:${H.slice(1)}`, /must have 64 hex digits, not 63/, 'DIGEST_INVALID'],
  [' ubuntu', /spaces or line breaks/],
  ['ubuntu ', /spaces or line breaks/],
  ['ubuntu\n', /spaces or line breaks/],
  ['user:pass@host/foo', /user or a password/],
  ['Foo/Bar', lowercase],
  ['docker.io/foo/Bar', lowercase],
  ['host:/foo', noHost],
  [`ubuntu:${'t'.repeat(129)}`, /at most 128 characters/],
  ['ubuntu:.x', /must begin with a letter/],
  ['ubuntu:-x', /must begin with a letter/],
  ['ubuntu:v1+build', /tag .* may have only/],
  ['foo___bar', joined],
  ['foo._bar', joined],
  ['/foo', emptyPart],
  ['a/b//c', emptyPart],
  ['foo_bar.com/baz', noHost],
  ['foo_bar.com:5000/baz', noHost],
  ['\u2603.com/a', noHost],
  ['example.com./foo', noHost],
  ['.example.com/foo', noHost],
  ['example..com/foo', noHost],
  ['a'.repeat(2000), /at most 1024 characters/],
  ['../x', noHost],
  ['a\u0000b', letters],
];

describe('a reference', () => {
  it.each(accepted.map(([text, ...parts]) => ({ text, parts })))('$text is $parts', ({ text, parts }) => {
    const [domain, path, tag, digest] = parts;
    const reference = parseReference(text);
    expect(reference).toEqual({ domain, path, ...(tag && { tag }), ...(digest && { digest }) });
    expect(byGrammar(text)).toEqual(reference);
    expect(parseReference(formatReference(reference))).toEqual(reference);
    expect(parseReference(familiarReference(reference))).toEqual(reference);
  });

  it.each(refused.map(([text, message, code = 'NAME_INVALID']) => ({ text, message, code })))(
    'is not $text: $message',
    ({ text, message, code }) => {
      expect(() => parseReference(text)).toThrow(
        expect.objectContaining({ code, message: expect.stringMatching(message) }),
      );
      expect(byGrammar(text)).toBeUndefined();
    },
  );

  it.each([
    'https://ada:hunter2@registry.example/app',
    'https://ada:hunter2@registry.example:5000',
    `https://ada:hunter2@registry.example/app@sha256:${H}`,
    'ada:hunter2@registry.example/app:tag',
    'ada:hunter2@registry.example:5000',
    'ada:hun/ter2@registry.example/app',
    'ada:hunter2 @registry.example/app',
  ])('never gives a password back: %s', (text) => {
    expect.assertions(1);
    try {
      parseReference(text);
    } catch (error) {
      expect(`${String(error)} ${JSON.stringify(error)}`).not.toMatch(/ter2|hun/);
    }
  });
});

const piece = fc.oneof(
  fc.constantFrom(
    'a',
    'B',
    '0',
    '.',
    '_',
    '__',
    '-',
    ':',
    '/',
    '@',
    '[',
    ']',
    'localhost',
    'docker.io',
    'index.docker.io',
    'library',
  ),
  fc.constantFrom('ubuntu', ':tag', ':5000', '[::1]', `@sha256:${H}`, H, 'sha256:', 'example.com', ' ', '\n', '\u2603'),
);
const nearly = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));

describe('any text as a reference', () => {
  it('is read as the grammar reads it, or refused with RegistryError', () =>
    fc.assert(
      fc.property(fc.oneof({ weight: 5, arbitrary: nearly }, fc.string({ unit: 'binary' })), (text) => {
        expect(attempt(text)).toEqual(byGrammar(text));
      }),
      { numRuns: 5000 },
    ));

  it('reads back as itself, in full and in short', () =>
    fc.assert(
      fc.property(nearly, (text) => {
        const reference = attempt(text);
        if (reference === undefined) return;
        expect(parseReference(formatReference(reference))).toEqual(reference);
        expect(parseReference(familiarReference(reference))).toEqual(reference);
      }),
      { numRuns: 5000 },
    ));
});

describe("Docker's readings of a reference", () => {
  it.each([
    ['busybox', 'docker.io/library/busybox:latest'],
    ['busybox:1', 'docker.io/library/busybox:1'],
    [`busybox:latest@sha256:${H}`, `docker.io/library/busybox@sha256:${H}`],
    [`gcr.io/library/busybox:latest@sha256:${H}`, `gcr.io/library/busybox@sha256:${H}`],
    [`busybox@sha256:${H}`, `docker.io/library/busybox@sha256:${H}`],
  ])('pulls %s as %s', (text, pulled) => {
    expect(formatReference(dockerReference(parseReference(text)))).toBe(pulled);
  });

  it.each([
    ['busybox', 'docker.io/library/busybox:latest'],
    [`busybox@sha256:${H}`, `docker.io/library/busybox@sha256:${H}`],
    [`busybox:1@sha256:${H}`, `docker.io/library/busybox:1@sha256:${H}`],
  ])('gives %s its default tag: %s', (text, tagged) => {
    expect(formatReference(withDefaultTag(parseReference(text)))).toBe(tagged);
  });

  it.each([H, `sha256:${H}`])('reads %s as a digest where one may stand', (text) => {
    expect(parseAnyReference(text)).toEqual({ kind: 'digest', digest: `sha256:${H}` });
  });

  it.each(['busybox', H.slice(1), `busybox@sha256:${H}`])(
    'reads %s as a reference where a digest may stand',
    (text) => {
      expect(parseAnyReference(text)).toEqual({ kind: 'reference', reference: parseReference(text) });
    },
  );

  it.each([
    ['docker.io/library/nginx:1', 'nginx:1'],
    ['docker.io/team/app', 'team/app'],
    ['docker.io/library/a/b', 'library/a/b'],
    ['ghcr.io/library/nginx', 'ghcr.io/library/nginx'],
    ['docker.io/library/localhost:5000', 'localhost:5000'],
  ])('shows %s as %s', (text, familiar) => {
    expect(familiarReference(parseReference(text))).toBe(familiar);
  });

  it.each(['docker.io/localhost/app', 'docker.io/a.b/app', `docker.io/library/${H}`])(
    'does not shorten %s, for its short form names something else',
    (text) => {
      expect(familiarReference(parseReference(text))).toBe(text);
    },
  );
});
