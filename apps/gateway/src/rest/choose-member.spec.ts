import type { ImageMember } from '#contracts/calls/inspect';
import { parsePlatform } from '#oci/platform';
import { chooseMember } from './choose-member';

const member = (platform: string | null, held = true): ImageMember => {
  const [os = '', architecture = ''] = platform?.split('/') ?? [];
  return {
    digest: `sha256:${'a'.repeat(64)}` as ImageMember['digest'],
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    platform: platform === null ? null : { os, architecture },
    artifactType: null,
    annotations: {},
    held,
    size: 0,
    complete: held,
  };
};
const own = parsePlatform('linux/amd64');
const [amd, arm, riscv, attestation] = ['linux/amd64', 'linux/arm64', 'linux/riscv64', 'unknown/unknown'].map((each) =>
  member(each),
) as [ImageMember, ImageMember, ImageMember, ImageMember];

describe('which image of an index is looked into', () => {
  it("is this machine's, where it is here", () => {
    expect(chooseMember([arm, amd, attestation], undefined, own)).toBe(amd);
  });

  it('is the first that is here where that is not', () => {
    expect(chooseMember([member('linux/amd64', false), arm, riscv], undefined, own)).toBe(arm);
    expect(chooseMember([attestation, riscv], undefined, own)).toBe(riscv);
  });

  it('is one that is not here only where none is', () => {
    const sparse = member('linux/amd64', false);
    expect(chooseMember([sparse], undefined, own)).toBe(sparse);
    expect(chooseMember([], undefined, own)).toBeNull();
  });

  it('is what was asked for, here or not', () => {
    const sparse = member('linux/arm64', false);
    expect(chooseMember([amd, sparse], parsePlatform('linux/arm64'), own)).toBe(sparse);
  });

  it('is told from those there are', () => {
    expect(() => chooseMember([amd, arm], parsePlatform('windows/amd64'), own)).toThrow(
      /windows\/amd64 .*linux\/amd64, linux\/arm64/,
    );
  });
});
