import * as fc from 'fast-check';
import { DigestSchema, digestAlgorithm, digestHex, digestOf, isDigest, parseDigest } from './digest';
import { RegistryError } from './registry-error';

const EMPTY_256 = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const HEX = EMPTY_256.slice(7);

describe('a digest', () => {
  it.each([EMPTY_256, `sha512:${HEX}${HEX}`])('is %s', (text) => {
    const digest = parseDigest(text);
    expect(digest).toBe(text);
    expect(`${digestAlgorithm(digest)}:${digestHex(digest)}`).toBe(text);
    expect(DigestSchema.parse(text)).toBe(text);
  });

  it.each([
    ['', 'must be <algorithm>:<hex>'],
    [HEX, 'must be <algorithm>:<hex>'],
    [`:${HEX}`, 'must be <algorithm>:<hex>'],
    ['sha256:', 'sha256 must have 64 hex digits, not 0'],
    [`sha256:${HEX.slice(1)}`, 'sha256 must have 64 hex digits, not 63'],
    [`sha256:${HEX}0`, 'sha256 must have 64 hex digits, not 65'],
    [`sha256:${HEX}\n`, 'sha256 must have 64 hex digits, not 65'],
    [`sha512:${HEX}`, 'sha512 must have 128 hex digits, not 64'],
    [`sha256:${HEX.toUpperCase()}`, 'hex digits must be lowercase'],
    [`sha256:g${HEX.slice(1)}`, 'may have only the hex digits 0-9 and a-f'],
    [`SHA256:${HEX}`, 'unsupported algorithm, use sha256 or sha512'],
    [`sha384:${HEX}${HEX.slice(32)}`, 'unsupported algorithm, use sha256 or sha512'],
    [`md5:${HEX.slice(32)}`, 'unsupported algorithm, use sha256 or sha512'],
    [`sha256+b64:${HEX}`, 'unsupported algorithm, use sha256 or sha512'],
  ])('is not %j: %s', (text, rule) => {
    expect(() => parseDigest(text)).toThrow(
      expect.objectContaining({ code: 'DIGEST_INVALID', detail: { digest: text, rule } }),
    );
    expect(DigestSchema.safeParse(text).success).toBe(false);
  });

  it('is what the bytes hash to', () => {
    expect(digestOf(new Uint8Array())).toBe(EMPTY_256);
    expect(digestOf(Buffer.from('abc'), 'sha512')).toBe(
      'sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    );
  });

  it('is what its own parser accepts, of any bytes', () =>
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => isDigest(digestOf(bytes)) && isDigest(digestOf(bytes, 'sha512'))),
    ));

  it('fails only with RegistryError, on any text', () =>
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^sha(256|512):[0-9a-fA-F]*$/)), (text) => {
        try {
          parseDigest(text);
        } catch (error) {
          expect(error).toBeInstanceOf(RegistryError);
        }
      }),
    ));
});
