import * as fc from 'fast-check';
import { bestPlatform, formatPlatform, hostPlatform, matchesPlatform, type Platform, parsePlatform } from './platform';

const platformOf = (text: string): Platform => parsePlatform(text);

describe('a platform', () => {
  it.each([
    ['linux/amd64', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['linux/x86-64', 'linux/amd64'],
    ['Linux/AMD64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['linux/i386', 'linux/386'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/arm64/v9', 'linux/arm64/v9'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/v7', 'linux/arm/v7'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/ppc64le', 'linux/ppc64le'],
    ['linux/s390x', 'linux/s390x'],
    ['macos/arm64', 'darwin/arm64'],
    ['wasip1/wasm', 'wasip1/wasm'],
  ])('%s is %s', (text, normal) => {
    expect(formatPlatform(platformOf(text))).toBe(normal);
    expect(parsePlatform(normal)).toEqual(platformOf(text));
  });

  it.each([
    '',
    'linux',
    'linux/',
    '/amd64',
    'linux/arm/',
    'linux/arm/v7/x',
    'linux/a b',
    'linux/amd64\n',
    'l\u0000/amd64',
    `linux/${'a'.repeat(65)}`,
  ])('is not %j', (text) => {
    expect(() => parsePlatform(text)).toThrow(
      expect.objectContaining({ code: 'INVALID', detail: expect.objectContaining({ field: 'platform' }) }),
    );
  });

  it.each([
    ['x64', 'linux', 'linux/amd64'],
    ['arm64', 'linux', 'linux/arm64'],
    ['arm', 'linux', 'linux/arm/v7'],
    ['ia32', 'win32', 'windows/386'],
    ['ppc64', 'linux', 'linux/ppc64le'],
    ['s390x', 'linux', 'linux/s390x'],
    ['arm64', 'darwin', 'darwin/arm64'],
    ['constructor', 'constructor', 'constructor/constructor'],
  ])('of a %s machine with %s is %s', (arch, os, platform) => {
    expect(formatPlatform(hostPlatform(arch, os))).toBe(platform);
  });

  it('settles in one reading', () =>
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.option(fc.string()), (os, architecture, variant) => {
        const text = [os, architecture, ...(variant === null ? [] : [variant])].join('/');
        try {
          const platform = parsePlatform(text);
          expect(parsePlatform(formatPlatform(platform))).toEqual(platform);
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID' });
        }
      }),
    ));
});

describe('what runs where', () => {
  it.each([
    ['linux/amd64', 'linux/amd64', true],
    ['linux/amd64', 'linux/amd64/v1', true],
    ['linux/amd64', 'linux/386', true],
    ['linux/amd64', 'linux/amd64/v2', false],
    ['linux/amd64/v3', 'linux/amd64/v2', true],
    ['linux/amd64/v3', 'linux/amd64/v4', false],
    ['linux/386', 'linux/amd64', false],
    ['linux/arm/v7', 'linux/arm/v6', true],
    ['linux/arm/v6', 'linux/arm/v7', false],
    ['linux/arm/v5', 'linux/arm/v5', true],
    ['linux/arm64', 'linux/arm64/v8', true],
    ['linux/arm64', 'linux/arm/v7', true],
    ['linux/arm64', 'linux/arm64/v9', false],
    ['linux/arm64/v8.2', 'linux/arm64/v8.1', true],
    ['linux/arm64/v8.1', 'linux/arm64/v8.2', false],
    ['linux/arm64/v9', 'linux/arm64/v8.5', true],
    ['linux/arm64/v9', 'linux/arm64/v8.6', false],
    ['linux/arm64/v9.1', 'linux/arm64/v8.6', true],
    ['linux/arm64/v9.7', 'linux/arm64/v8.9', true],
    ['linux/arm64/v10', 'linux/arm64', false],
    ['linux/amd64', 'linux/arm64', false],
    ['linux/amd64', 'windows/amd64', false],
    ['linux/riscv64', 'linux/riscv64', true],
    ['linux/arm/v4', 'linux/arm/v4', true],
    ['linux/amd64/own', 'linux/amd64/own', true],
    ['linux/mips64le', 'linux/mips64le/softfloat', false],
  ])('%s runs what is for %s: %s', (wanted, offered, runs) => {
    expect(matchesPlatform(platformOf(wanted), platformOf(offered))).toBe(runs);
  });

  it('is never what an index calls unknown, or leaves empty', () => {
    for (const offered of [
      { os: 'unknown', architecture: 'unknown' },
      { os: '', architecture: '' },
      { os: 'linux', architecture: '' },
    ]) {
      expect(matchesPlatform(platformOf('linux/amd64'), offered)).toBe(false);
    }
  });

  it('is, for Windows, the same build where both say theirs', () => {
    const windows = (version?: string): Platform => ({
      os: 'windows',
      architecture: 'amd64',
      ...(version === undefined ? {} : { 'os.version': version }),
    });
    expect(matchesPlatform(windows('10.0.17763.1'), windows('10.0.17763.5696'))).toBe(true);
    expect(matchesPlatform(windows('10.0.17763.1'), windows('10.0.20348.1'))).toBe(false);
    expect(matchesPlatform(windows(), windows('10.0.20348.1'))).toBe(true);
  });

  it.each([
    ['linux/amd64', ['linux/386', 'linux/arm64', 'linux/amd64'], 'linux/amd64'],
    ['linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6', 'linux/arm64'], 'linux/arm/v6'],
    ['linux/arm64', ['linux/arm/v6', 'linux/arm/v7'], 'linux/arm/v7'],
    ['linux/arm64/v9', ['linux/arm/v8', 'linux/arm64', 'linux/arm64/v8.3'], 'linux/arm64/v8.3'],
    ['linux/s390x', ['linux/amd64'], undefined],
    ['linux/s390x', [], undefined],
  ])('for %s chooses, of %j, %s', (wanted, offered, chosen) => {
    const children = [{ platform: undefined }, ...offered.map((text) => ({ platform: platformOf(text) }))];
    const best = bestPlatform<{ platform: Platform | undefined }>(platformOf(wanted), children);
    expect(best?.platform && formatPlatform(best.platform)).toBe(chosen);
  });
});
