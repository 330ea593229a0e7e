import * as fc from 'fast-check';
import { RegistryError } from '#oci/registry-error';
import { parseRegistryPath } from './parse-registry-path';

const digest = `sha256:${'a'.repeat(64)}`;
const sha512 = `sha512:${'b'.repeat(128)}`;

function codeOf(target: string): string {
  try {
    return parseRegistryPath(target).kind;
  } catch (error) {
    if (error instanceof RegistryError) return error.code;
    throw error;
  }
}

describe('parseRegistryPath', () => {
  test.each([
    ['/v2', { kind: 'ping' }],
    ['/v2/?a=b', { kind: 'ping' }],
    ['/v2/app/manifests/latest', { kind: 'manifest', name: 'app', reference: { tag: 'latest' } }],
    [`/v2/a/b/c/manifests/${digest}`, { kind: 'manifest', name: 'a/b/c', reference: { digest } }],
    [
      `/v2/a/manifests/${digest.replace(':', '%3A')}?ns=docker.io`,
      { kind: 'manifest', name: 'a', reference: { digest } },
    ],
    [`/v2/a/blobs/${sha512}`, { kind: 'blob', name: 'a', digest: sha512 }],
    ['/v2/a/tags/list', { kind: 'tags', name: 'a' }],
    [`/v2/a/referrers/${digest}?artifactType=x`, { kind: 'referrers', name: 'a', digest }],
    ['/v2/a/blobs/uploads/', { kind: 'uploads', name: 'a' }],
    ['/v2/a/blobs/uploads', { kind: 'uploads', name: 'a' }],
    ['/v2/a/blobs/uploads/some-id', { kind: 'uploads', name: 'a', session: 'some-id' }],
    ['http://somewhere:80/v2/a/tags/list?n=1', { kind: 'tags', name: 'a' }],
  ])('%s', (target, expected) => {
    expect(parseRegistryPath(target)).toEqual(expected);
  });

  test.each([
    [`/v2/blobs/blobs/${digest}`, { kind: 'blob', name: 'blobs', digest }],
    ['/v2/tags/list/tags/list', { kind: 'tags', name: 'tags/list' }],
    ['/v2/manifests/manifests/manifests', { kind: 'manifest', name: 'manifests', reference: { tag: 'manifests' } }],
    [
      '/v2/a/blobs/uploads/manifests/latest',
      { kind: 'manifest', name: 'a/blobs/uploads', reference: { tag: 'latest' } },
    ],
    ['/v2/a/blobs/uploads/tags/list', { kind: 'tags', name: 'a/blobs/uploads' }],
    ['/v2/v2/tags/list', { kind: 'tags', name: 'v2' }],
  ])('a name may have the words of the API: %s', (target, expected) => {
    expect(parseRegistryPath(target)).toEqual(expected);
  });

  test.each([
    ['/v2/tags/list', 'NAME_INVALID'],
    [`/v2/blobs/${digest}`, 'NAME_INVALID'],
    ['/v2//tags/list', 'NAME_INVALID'],
    ['/v2/a//b/tags/list', 'NAME_INVALID'],
    ['/v2/../etc/passwd/tags/list', 'NAME_INVALID'],
    ['/v2/%2e%2e/tags/list', 'NAME_INVALID'],
    ['/v2/a%2Fb/tags/list', 'NAME_INVALID'],
    ['/v2/a%252Fb/tags/list', 'NAME_INVALID'],
    ['/v2/a%00b/tags/list', 'NAME_INVALID'],
    ['/v2/a%0Ab/tags/list', 'NAME_INVALID'],
    ['/v2/a%/tags/list', 'NAME_INVALID'],
    ['/v2/a%ff/tags/list', 'NAME_INVALID'],
    ['/v2/App/tags/list', 'NAME_INVALID'],
    ['/v2/%C3%A9/tags/list', 'NAME_INVALID'],
    ['/v2/a\\b/tags/list', 'NAME_INVALID'],
    [`/v2/${'a'.repeat(256)}/tags/list`, 'NAME_INVALID'],
    ['/v2/_catalog', 'NOT_FOUND'],
    ['/v2/_catalog/tags/list', 'NAME_INVALID'],
    ['/v2/a/tags/list/', 'NOT_FOUND'],
    ['/v2/a/tags', 'NOT_FOUND'],
    ['/v2/a', 'NOT_FOUND'],
    ['/v2x/a/tags/list', 'NOT_FOUND'],
    ['/v3/', 'NOT_FOUND'],
    ['/v2/a/manifests/', 'NAME_INVALID'],
    ['/v2/a/manifests/-x', 'NAME_INVALID'],
    [`/v2/a/manifests/${'x'.repeat(129)}`, 'NAME_INVALID'],
    ['/v2/a/manifests/%2e%2e', 'NAME_INVALID'],
    ['/v2/a/manifests/sha256:', 'DIGEST_INVALID'],
    ['/v2/a/manifests/sha1:abc', 'DIGEST_INVALID'],
    [`/v2/a/blobs/${digest.toUpperCase()}`, 'DIGEST_INVALID'],
    [`/v2/a/blobs/sha256:${'A'.repeat(64)}`, 'DIGEST_INVALID'],
    [`/v2/a/blobs/${digest}a`, 'DIGEST_INVALID'],
    [`/v2/a/blobs/${digest}%0a`, 'DIGEST_INVALID'],
    ['/v2/a/referrers/latest', 'DIGEST_INVALID'],
  ])('%s is refused: %s', (target, code) => {
    expect(codeOf(target)).toBe(code);
  });

  test('no path makes it throw anything but a RegistryError', async () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'v2',
        'blobs',
        'manifests',
        'tags',
        'list',
        'uploads',
        'referrers',
        '',
        '.',
        '..',
        '%',
        '%2F',
        '%00',
        digest,
      ),
      fc.string(),
    );
    await fc.assert(fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => void codeOf(`/${pieces.join('/')}`)));
    await fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void codeOf(text)));
  });

  test('what parses holds only what its parsers allow', async () => {
    const piece = fc.constantFrom(
      'a',
      'b-c',
      'blobs',
      'uploads',
      'manifests',
      'tags',
      'list',
      'latest',
      '..',
      '',
      'A',
      digest,
    );
    await fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        try {
          const path = parseRegistryPath(`/v2/${pieces.join('/')}`);
          if ('name' in path) expect(path.name).toMatch(/^[a-z0-9]+([._/-]+[a-z0-9]+)*$/);
        } catch (error) {
          expect(error).toBeInstanceOf(RegistryError);
        }
      }),
    );
  });
});
