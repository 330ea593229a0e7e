import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { digestOf } from './digest';
import { type Manifest, manifestReferences, parseManifest } from './manifest';
import {
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  OCI_ARTIFACT_MANIFEST,
  OCI_INDEX,
  OCI_LAYER_GZIP,
  OCI_MANIFEST,
} from './media-type';
import { RegistryError } from './registry-error';

const testdata = (name: string) => readFileSync(join(__dirname, '../testdata', name));
const bytesOf = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const descriptor = (content: string, mediaType = OCI_LAYER_GZIP) => ({
  mediaType,
  digest: digestOf(Buffer.from(content)),
  size: content.length,
});
const image = (fields: object = {}) => ({
  schemaVersion: 2,
  mediaType: OCI_MANIFEST,
  config: descriptor('config', 'application/vnd.oci.image.config.v1+json'),
  layers: [descriptor('layer')],
  ...fields,
});
const index = (fields: object = {}) => ({
  schemaVersion: 2,
  mediaType: OCI_INDEX,
  manifests: [descriptor('child', OCI_MANIFEST)],
  ...fields,
});
const summary = (manifest: Manifest) => {
  const { blobs, children, subject } = manifestReferences(manifest);
  return {
    kind: manifest.kind,
    mediaType: manifest.mediaType,
    blobs: blobs.map(({ role, foreign }) => (foreign ? `foreign ${role}` : role)),
    children: children.length,
    subject: subject !== undefined,
  };
};

describe('a manifest', () => {
  it.each([
    ['oci-manifest.json', 'image', OCI_MANIFEST, ['config', 'layer', 'layer'], 0, false],
    ['docker-manifest.json', 'image', DOCKER_MANIFEST, ['config', 'foreign layer', 'layer', 'layer'], 0, false],
    ['docker-list.json', 'index', DOCKER_MANIFEST_LIST, [], 3, false],
    ['oci-index-attested.json', 'index', OCI_INDEX, [], 3, false],
    ['artifact-manifest.json', 'image', OCI_MANIFEST, ['config', 'layer'], 0, true],
    ['retired-artifact-manifest.json', 'other', OCI_ARTIFACT_MANIFEST, ['layer'], 0, true],
    ['buildkit-cache.json', 'index', OCI_INDEX, ['layer', 'config'], 0, false],
  ])('in %s is of kind %s', (file, kind, mediaType, blobs, children, subject) => {
    const bytes = testdata(file);
    const before = digestOf(bytes);
    const expected = { kind, mediaType, blobs, children, subject };
    expect(summary(parseManifest(bytes))).toEqual(expected);
    expect(summary(parseManifest(bytes, `${mediaType}; charset=utf-8`))).toEqual(expected);
    expect(digestOf(bytes)).toBe(before);
  });

  it('tells what it is for: artifact type, subject and annotations', () => {
    const subject = digestOf(testdata('oci-manifest.json'));
    expect(parseManifest(testdata('artifact-manifest.json'))).toMatchObject({
      artifactType: 'application/vnd.example.sbom.v1+json',
      subject: { digest: subject },
      annotations: { 'org.opencontainers.image.created': '2024-05-02T10:20:30Z' },
    });
    expect(manifestReferences(parseManifest(testdata('oci-index-attested.json'))).children[0]).toMatchObject({
      digest: subject,
      platform: { architecture: 'arm', os: 'linux', variant: 'v7' },
    });
  });

  it.each([
    ['an image by its header', image({ mediaType: undefined }), DOCKER_MANIFEST, DOCKER_MANIFEST],
    ['an image by its shape', image({ mediaType: undefined }), undefined, OCI_MANIFEST],
    ['an index by its shape', index({ mediaType: undefined }), undefined, OCI_INDEX],
    ['what it says, over an empty header', index(), '', OCI_INDEX],
    ['what it says, whatever the case of the header', index(), OCI_INDEX.toUpperCase(), OCI_INDEX],
    [
      'of a type unknown here',
      { mediaType: 'application/vnd.example.Thing' },
      undefined,
      'application/vnd.example.Thing',
    ],
  ])('is %s', (_, body, contentType, mediaType) => {
    expect(parseManifest(bytesOf(body), contentType).mediaType).toBe(mediaType);
  });

  it('may have no layers, and no children: Go writes null for an empty list', () => {
    expect(parseManifest(bytesOf(image({ layers: null })))).toMatchObject({ layers: [] });
    expect(parseManifest(bytesOf(image({ layers: undefined })))).toMatchObject({ layers: [] });
    expect(parseManifest(bytesOf(index({ manifests: null, annotations: null, subject: null })))).toMatchObject({
      manifests: [],
    });
  });

  it('of an unknown type gives what it plainly lists, and is not refused for the rest', () => {
    const body = {
      mediaType: 'application/vnd.example+json',
      config: descriptor('c'),
      layers: [descriptor('a'), { digest: 'nonsense' }, 7],
      annotations: 'nonsense',
      subject: descriptor('s', OCI_MANIFEST),
      deep: { own: ['fields'] },
    };
    expect(summary(parseManifest(bytesOf(body)))).toMatchObject({
      kind: 'other',
      blobs: ['config', 'layer'],
      subject: true,
    });
  });

  const refusals: [name: string, body: unknown, contentType: string | undefined, message: RegExp][] = [
    ['nothing', '', undefined, /not JSON: it ends too early/],
    ['text', 'hello', undefined, /not JSON/],
    ['a byte order mark', `\ufeff${JSON.stringify(image())}`, undefined, /not JSON/],
    ['a list', '[]', undefined, /must be a JSON object/],
    ['null', 'null', undefined, /must be a JSON object/],
    ['an empty object', '{}', undefined, /mediaType: must be stated/],
    ['an empty object as an image', '{}', OCI_MANIFEST, /config: must be there/],
    ['an empty object as an index', '{}', OCI_INDEX, /manifests: must be there/],
    ['a repeated key', '{"layers":[],"layers":[]}', OCI_MANIFEST, /"layers" twice/],
    [
      'a repeated key in a layer',
      JSON.stringify(image()).replace('"size":5', '"size":5,"size":6'),
      undefined,
      /"layers\[0\].size"/,
    ],
    ['too many levels', `{"a":${'['.repeat(100)}${']'.repeat(100)}}`, OCI_INDEX, /deeper than 64 levels/],
    ['layers beside manifests', image({ manifests: [] }), undefined, /must not stand beside layers/],
    ['manifests beside a config', index({ config: descriptor('c') }), undefined, /must not stand beside config/],
    [
      'both, of an unknown type',
      image({ manifests: [], mediaType: 'application/x' }),
      undefined,
      /must not stand beside/,
    ],
    ['layers as an index', image({ mediaType: undefined }), OCI_INDEX, /manifests: must be there/],
    ['manifests as an image', index({ mediaType: undefined }), OCI_MANIFEST, /config: must be there/],
    ['another header', image(), OCI_INDEX, /is not what the Content-Type says/],
    ['another header, of the same kind', image(), DOCKER_MANIFEST, /is not what the Content-Type says/],
    ['a misspelt list', image({ Manifests: [] }), undefined, /must be spelt manifests, not "Manifests"/],
    ['a list misspelt with a long s', image({ 'manife\u017ft\u017f': [] }), undefined, /must be spelt manifests/],
    ['a misspelt type', index({ MediaType: DOCKER_MANIFEST }), undefined, /must be spelt mediaType/],
    [
      'a misspelt digest',
      image({ layers: [{ ...descriptor('a'), Digest: 'x' }] }),
      undefined,
      /layers\[0\].digest: must be spelt digest/,
    ],
    ['a type that is no string', image({ mediaType: 7 }), undefined, /mediaType: must be a string/],
    ['a type that is none', image({ mediaType: 'x\r\ny' }), undefined, /mediaType: must be a media type/],
    ['a header that is none', {}, 'text', /mediaType: must be a media type/],
    ['no version', image({ schemaVersion: undefined }), undefined, /schemaVersion: must be 2/],
    ['version 3', index({ schemaVersion: 3 }), undefined, /schemaVersion: must be 2/],
    ['layers that are no list', image({ layers: {} }), undefined, /layers: /],
    ['a layer without digest', image({ layers: [{ mediaType: 'a/b', size: 1 }] }), undefined, /layers\[0\].digest: /],
    [
      'a bad digest',
      image({ config: { ...descriptor('c'), digest: 'sha256:x' } }),
      undefined,
      /config.digest: must be sha256/,
    ],
    ['a negative size', index({ manifests: [{ ...descriptor('c'), size: -1 }] }), undefined, /manifests\[0\].size: /],
    [
      'one digest of two sizes',
      image({ layers: [descriptor('a'), { ...descriptor('a'), size: 2 }] }),
      undefined,
      /layers\[1\].size: must be the same/,
    ],
    [
      'data that lies',
      image({ layers: [{ ...descriptor('ab'), data: 'YWM=' }] }),
      undefined,
      /layers\[0\].data: must be the content/,
    ],
    [
      'data of another size',
      image({ config: { ...descriptor('ab'), size: 3, data: 'YWI=' } }),
      undefined,
      /config.data: must be the content/,
    ],
    ['a bad subject', image({ subject: { digest: 'x' } }), undefined, /subject\./],
    ['annotations of numbers', index({ annotations: { a: 1 } }), undefined, /annotations.a: /],
    ['a forged line', index({ annotations: { 'a\r\nb': 1 } }), undefined, /annotations.a\\u000d\\u000ab: /],
  ];
  it.each(refusals)('is refused with %s', (_, body, contentType, message) => {
    const parse = () => parseManifest(bytesOf(body), contentType);
    expect(parse).toThrow(
      expect.objectContaining({ code: 'MANIFEST_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it('is refused with bytes that are no UTF-8', () => {
    expect(() => parseManifest(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]))).toThrow(/must be UTF-8/);
  });

  it.each([undefined, 'application/vnd.docker.distribution.manifest.v1+prettyjws', 'application/json'])(
    'of schema 1 is refused, as %s, with what to do about it',
    (contentType) => {
      expect(() => parseManifest(testdata('docker-schema1.json'), contentType)).toThrow(
        /schema 1 .* convert the image/,
      );
    },
  );

  it('has its limits, and everything up to them', () => {
    const big = bytesOf(image({ annotations: { filler: 'x'.repeat(4 * 1024 * 1024 - 600) } }));
    const filled = (bytes: number) => Buffer.concat([big, Buffer.alloc(bytes - big.length, ' ')]);
    expect(parseManifest(filled(4 * 1024 * 1024)).kind).toBe('image');
    expect(() => parseManifest(filled(4 * 1024 * 1024 + 1))).toThrow(
      expect.objectContaining({ code: 'SIZE_INVALID', detail: { limit: 4_194_304, actual: 4_194_305 } }),
    );
    expect(() => parseManifest(bytesOf(image()), undefined, { maxBytes: 100 })).toThrow(/at most 100 bytes/);
    const layers = Array.from({ length: 10_001 }, (_, at) => descriptor(`${at}`));
    expect(parseManifest(bytesOf(image({ layers: layers.slice(1) })))).toMatchObject({ kind: 'image' });
    expect(() => parseManifest(bytesOf(image({ layers })))).toThrow(/at most 10000 descriptors, not 10001/);
    expect(() => parseManifest(bytesOf(index()), undefined, { maxDescriptors: 0 })).toThrow(/at most 0 descriptors/);
  });

  it('fails only with RegistryError, on any JSON under any type', () => {
    const field = fc.constantFrom(
      'schemaVersion',
      'mediaType',
      'config',
      'layers',
      'manifests',
      'blobs',
      'subject',
      'annotations',
    );
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constant(2),
      fc.constant(descriptor('a')),
      fc.constant([descriptor('a'), descriptor('b')]),
    );
    return fc.assert(
      fc.property(
        fc.dictionary(field, value),
        fc.constantFrom(undefined, OCI_MANIFEST, OCI_INDEX, 'a/b', '\u0000'),
        (body, contentType) => {
          try {
            manifestReferences(parseManifest(bytesOf(body), contentType));
          } catch (error) {
            expect(error).toBeInstanceOf(RegistryError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('what a manifest refers to', () => {
  it('is each digest once: the config first, then layers in their order', () => {
    const body = image({ layers: [descriptor('b'), descriptor('a'), descriptor('b'), descriptor('config')] });
    const { blobs, children } = manifestReferences(parseManifest(bytesOf(body)));
    expect(blobs.map(({ descriptor: { digest }, role }) => [digest, role])).toEqual([
      [body.config.digest, 'config'],
      [descriptor('b').digest, 'layer'],
      [descriptor('a').digest, 'layer'],
    ]);
    expect(children).toEqual([]);
  });

  it('is foreign only where no layer lists it as ours', () => {
    const foreign = descriptor('a', 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip');
    const only = manifestReferences(parseManifest(bytesOf(image({ layers: [foreign, foreign] }))));
    expect(only.blobs.map((each) => each.foreign)).toEqual([false, true]);
    const both = manifestReferences(parseManifest(bytesOf(image({ layers: [foreign, descriptor('a')] }))));
    expect(both.blobs.map((each) => each.foreign)).toEqual([false, false]);
  });

  it('is each child once, the first of its digest', () => {
    const child = descriptor('c', OCI_MANIFEST);
    const first = { ...child, platform: { os: 'linux', architecture: 'amd64' } };
    const { children, subject } = manifestReferences(
      parseManifest(bytesOf(index({ manifests: [first, child], subject: descriptor('s', OCI_MANIFEST) }))),
    );
    expect(children).toEqual([first]);
    expect(subject?.digest).toBe(descriptor('s').digest);
  });
});
