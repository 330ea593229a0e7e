import { DescriptorSchema } from './descriptor';

const whole = {
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  digest: `sha256:${'ab'.repeat(32)}`,
  size: 9_007_199_254_740_991,
  urls: ['https://example.com/layer'],
  annotations: { a: 'b' },
  platform: {
    os: 'linux',
    architecture: 'arm',
    variant: 'v7',
    'os.version': '1',
    'os.features': ['x'],
    'x.unknown': 1,
  },
  artifactType: 'application/vnd.example',
  data: 'e30=',
  'com.example.unknown': { kept: true },
};

describe('a descriptor', () => {
  it('keeps every field, those it does not know too', () => {
    expect(DescriptorSchema.parse(whole)).toEqual(whole);
  });

  it('takes null for absent where a field may be absent', () => {
    const { mediaType, digest, size } = whole;
    const nulls = { urls: null, annotations: null, platform: null, artifactType: null, data: null };
    expect(DescriptorSchema.parse({ mediaType, digest, size, ...nulls })).toEqual({ mediaType, digest, size });
    expect(DescriptorSchema.safeParse({ ...whole, size: null }).success).toBe(false);
  });

  it.each([
    ['size', -1],
    ['size', 1.5],
    ['size', 2 ** 53],
    ['size', '1'],
    ['digest', 'sha256:abc'],
    ['digest', undefined],
    ['mediaType', ''],
    ['mediaType', undefined],
    ['mediaType', 'a/b\r\nSet-Cookie: x'],
    ['mediaType', `a/${'b'.repeat(254)}`],
    ['urls', 'https://example.com'],
    ['annotations', { a: 1 }],
    ['data', 'e30'],
    ['data', '***'],
    ['platform', 'linux/amd64'],
  ])('refuses %s = %j', (field, value) => {
    const { success, error } = DescriptorSchema.safeParse({ ...whole, [field]: value });
    expect(success).toBe(false);
    expect(error?.issues[0]?.path[0]).toBe(field);
  });

  it.each([null, [], 'text', 1, undefined])('refuses %j', (value) => {
    expect(DescriptorSchema.safeParse(value).success).toBe(false);
  });
});
