import { ListImages } from './calls/images';
import { CommitManifest, ListTags } from './calls/manifests';
import { AcceptOperation, ClaimOperations, ListOperations } from './calls/operations';
import { AbortSession } from './calls/sessions';
import type { Call } from './define-call';
import { plainText } from './plain-text';

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
