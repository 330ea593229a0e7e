import * as mediaTypes from './media-type';

const { bareMediaType, isForeignLayer, isImageIndex, isImageManifest, isLayer, isSchema1 } = mediaTypes;

describe('media types', () => {
  it.each([
    ['application/vnd.oci.image.manifest.v1+json', 'manifest'],
    ['application/vnd.docker.distribution.manifest.v2+json', 'manifest'],
    ['application/vnd.oci.image.index.v1+json', 'index'],
    ['application/vnd.docker.distribution.manifest.list.v2+json', 'index'],
    ['application/vnd.docker.distribution.manifest.v1+json', 'schema1'],
    ['application/vnd.docker.distribution.manifest.v1+prettyjws', 'schema1'],
    ['application/vnd.oci.image.layer.v1.tar', 'layer'],
    ['application/vnd.oci.image.layer.v1.tar+gzip', 'layer'],
    ['application/vnd.oci.image.layer.v1.tar+zstd', 'layer'],
    ['application/vnd.docker.image.rootfs.diff.tar.gzip', 'layer'],
    ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', 'foreign layer'],
    ['application/vnd.oci.image.layer.nondistributable.v1.tar', 'foreign layer'],
    ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', 'foreign layer'],
    ['application/vnd.oci.image.layer.nondistributable.v1.tar+zstd', 'foreign layer'],
    ['application/vnd.oci.artifact.manifest.v1+json', 'other'],
    ['application/json', 'other'],
    ['', 'other'],
  ])('%s is of kind %s', (mediaType, kind) => {
    expect({
      manifest: isImageManifest(mediaType),
      index: isImageIndex(mediaType),
      schema1: isSchema1(mediaType),
      layer: isLayer(mediaType),
      foreign: isForeignLayer(mediaType),
    }).toEqual({
      manifest: kind === 'manifest',
      index: kind === 'index',
      schema1: kind === 'schema1',
      layer: kind.endsWith('layer'),
      foreign: kind === 'foreign layer',
    });
  });

  it('asks upstreams for no type that it would refuse', () => {
    expect(mediaTypes.ACCEPTED_MANIFESTS.every((each) => isImageManifest(each) || isImageIndex(each))).toBe(true);
  });

  it.each([
    ['application/vnd.oci.image.index.v1+json', 'application/vnd.oci.image.index.v1+json'],
    [' Application/JSON ; charset=utf-8', 'application/json'],
    [';', ''],
    ['', ''],
  ])('takes %j for %j', (header, bare) => {
    expect(bareMediaType(header)).toBe(bare);
  });
});
