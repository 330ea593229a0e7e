import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ListImages } from './calls/images';
import { CommitManifest, ListTags } from './calls/manifests';
import { AcceptOperation, ClaimOperations, ListOperations } from './calls/operations';
import { AbortSession } from './calls/sessions';
import type { Call } from './define-call';
import { plainText } from './plain-text';
import { REQUESTS } from './requests';

const FOLDER = join(__dirname, '..', 'testdata');

/** The value with one of its texts replaced, for each of them; `path` is where. */
function* spoilt(value: unknown, by: string, path: string): Generator<{ path: string; value: unknown }> {
  if (typeof value === 'string') yield { path, value: by };
  if (typeof value !== 'object' || value === null) return;
  for (const [name, part] of Object.entries(value)) {
    for (const one of spoilt(part, by, `${path}.${name}`)) {
      const whole = Array.isArray(value) ? [...value] : { ...value };
      (whole as Record<string, unknown>)[name] = one.value;
      yield { path: one.path, value: whole };
    }
  }
}

describe('what a request asks for', () => {
  it.each(REQUESTS.map((request) => [request.verb, request] as const))(
    'has no text that a database cannot keep: %s',
    (_, { type, body }) => {
      const { data } = JSON.parse(readFileSync(join(FOLDER, `${type}.json`), 'utf8'));
      const all = ['a\0b', 'a\ud800'].flatMap((by) => [...spoilt(data, by, '')]);
      expect(all.length).toBeGreaterThan(0);
      const taken = all.filter(({ value }) => body.safeParse(value).success).map(({ path }) => path);
      expect(taken).toEqual([]);
    },
  );
});

describe('free text that reaches the database', () => {
  it.each(['a\0b', 'a\nb', '\x7f', '\ud800'])('has no %j', (text) => {
    expect(plainText(10).safeParse(text).success).toBe(false);
  });

  it('is text of any script, and of a length', () => {
    expect(plainText(3).parse('äß世')).toBe('äß世');
    expect(plainText(3).safeParse('abcd').success).toBe(false);
  });

  it.each<[string, Call]>([
    ['repository', ListImages],
    ['after', ListImages],
    ['after', ListTags],
    ['mediaType', CommitManifest],
    ['after', ListOperations],
    ['requestId', AcceptOperation],
    ['worker', ClaimOperations],
    ['reason', AbortSession],
  ])('is refused as %s with the character U+0000', (field, call) => {
    const { error } = call.question.safeParse({ [field]: 'a\0b' });
    expect(error?.issues.map(({ path }) => path.join('.'))).toContain(field);
    const fits = call.question.safeParse({ [field]: 'ab' });
    expect(fits.error?.issues.map(({ path }) => path.join('.')) ?? []).not.toContain(field);
  });
});
