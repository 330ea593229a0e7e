import { RegistryError } from '#oci/registry-error';
import { decideFillEnd } from '../fill/decide-fill-end';
import { decideRetry, isTemporaryStatus, readRetryAfter } from './decide-retry';

const NOW = Date.parse('2026-03-01T12:00:00Z');

it('statuses that pass, and statuses that stay', () => {
  const statuses = [200, 301, 400, 401, 403, 404, 405, 408, 410, 416, 422, 429, 451, 500, 501, 502, 503, 504, 520, 529];
  expect(statuses.filter(isTemporaryStatus)).toEqual([408, 429, 500, 502, 503, 504, 520, 529]);
});

it.each([
  ['5', 5],
  [' 120 ', 120],
  ['0', 0],
  ['Sun, 01 Mar 2026 12:00:30 GMT', 30],
  ['Sunday, 01-Mar-26 12:00:10 GMT', 10],
  ['Sun, 01 Mar 2026 11:59:00 GMT', 0],
  ['9999999999', 86_400],
  ['soon', undefined],
  ['-5', undefined],
  ['1.5', undefined],
  ['', undefined],
  [undefined, undefined],
])('Retry-After %j is %p seconds', (header, seconds) => {
  expect(readRetryAfter(header, NOW)).toBe(seconds);
});

it.each(['UNAVAILABLE', 'TOOMANYREQUESTS', 'TIMEOUT', 'INTERNAL'] as const)('%s is tried again', (code) => {
  expect(decideRetry(new RegistryError(code, ''), 1)).toEqual({ temporary: true });
});

it.each(['UNAUTHORIZED', 'DENIED', 'MANIFEST_UNKNOWN', 'UPSTREAM', 'INVALID', 'NAME_INVALID', 'UNSUPPORTED'] as const)(
  '%s is the end',
  (code) => {
    expect(decideRetry(new RegistryError(code, '', { retryAfterSeconds: 3 }), 1)).toEqual({ temporary: false });
  },
);

it('an upstream that says when is heard', () => {
  const error = new RegistryError('TOOMANYREQUESTS', '', { retryAfterSeconds: 7 });
  expect(decideRetry(error, 1)).toEqual({ temporary: true, retryAfterMs: 7_000 });
});

it('a host that nobody knows is given up soon, a fault of ours never by itself', () => {
  const unknown = new RegistryError('UNAVAILABLE', '', { detail: { reason: 'ENOTFOUND' } });
  expect([1, 2, 3].map((attempts) => decideRetry(unknown, attempts).temporary)).toEqual([true, true, false]);
  expect(decideRetry(new TypeError('oops'), 7)).toEqual({ temporary: true });
});

it('wrong bytes are thrown away and fetched once more; too many are the end', () => {
  const wrong = new RegistryError('DIGEST_INVALID', '');
  expect([1, 2].map((attempts) => decideFillEnd(wrong, attempts))).toEqual([
    { temporary: true, discard: true },
    { temporary: false, discard: true },
  ]);
  expect(decideFillEnd(new RegistryError('SIZE_INVALID', ''), 1)).toEqual({ temporary: false, discard: true });
  expect(decideFillEnd(new RegistryError('UNAVAILABLE', ''), 1)).toEqual({ temporary: true, discard: false });
});
