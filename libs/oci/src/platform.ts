import { z } from 'zod';
import { dropNulls } from './drop-nulls';
import { invalidField } from './registry-error';

/** OCI image index specification, `platform`; unknown fields are kept; a missing os or architecture matches nothing. */
export const PlatformSchema = z.preprocess(
  dropNulls,
  z.looseObject({
    os: z.string().default(''),
    architecture: z.string().default(''),
    variant: z.string().exactOptional(),
    'os.version': z.string().exactOptional(),
    'os.features': z.array(z.string()).exactOptional(),
  }),
);

export type Platform = z.infer<typeof PlatformSchema>;

const PART = /^[A-Za-z0-9_.-]{1,64}$/;

/** Reads `os/architecture[/variant]` as people type it: `linux/x86_64` is `linux/amd64`. Throws INVALID. */
export function parsePlatform(text: string): Platform {
  const [os, architecture, variant, ...rest] = text.split('/');
  const parts = [os, architecture, ...(variant === undefined ? [] : [variant])];
  if (!os || !architecture || rest.length > 0 || !parts.every((part) => PART.test(part ?? ''))) {
    throw invalidField(
      'platform',
      'must be os/architecture or os/architecture/variant, as linux/amd64 or linux/arm/v7',
    );
  }
  return normalizePlatform({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}

export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = normalizePlatform(platform);
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
}

/** The platform of a machine, from Node's `process.arch` and `process.platform`. */
export function hostPlatform(arch: string, platform: string): Platform {
  return normalizePlatform({
    os: NODE_OS.get(platform) ?? platform,
    architecture: NODE_ARCHITECTURE.get(arch) ?? arch,
  });
}

/** One spelling for each platform, containerd's: aliases resolved, a default variant left out (but arm's, which is always said). */
export function normalizePlatform(platform: Platform): Platform {
  const { variant: _, ...rest } = platform;
  const os = platform.os.toLowerCase();
  const typed = platform.architecture.toLowerCase();
  const alias = ARCHITECTURE_ALIAS.get(typed);
  const architecture = alias?.architecture ?? typed;
  const variant = normalizeVariant(architecture, (platform.variant ?? alias?.variant ?? '').toLowerCase());
  return { ...rest, os: OS_ALIAS.get(os) ?? os, architecture, ...(variant === '' ? {} : { variant }) };
}

/** Whether what is built for `offered` runs where `wanted` is asked for: the same platform, or one that it is compatible with. */
export function matchesPlatform(wanted: Platform, offered: Platform): boolean {
  return rankPlatform(wanted, offered) !== undefined;
}

/** Of several, the one that Docker would choose for `wanted`: the closest, and the first of equals. */
export function bestPlatform<T extends { platform?: Platform | undefined }>(
  wanted: Platform,
  offered: readonly T[],
): T | undefined {
  let best: { item: T; rank: number } | undefined;
  for (const item of offered) {
    const rank = item.platform && rankPlatform(wanted, item.platform);
    if (rank !== undefined && (best === undefined || rank < best.rank)) best = { item, rank };
  }
  return best?.item;
}

/** 0 is the same; more is further; undefined does not run. */
function rankPlatform(wanted: Platform, offered: Platform): number | undefined {
  const want = normalizePlatform(wanted);
  const offer = normalizePlatform(offered);
  if (want.os !== offer.os || !sameWindows(want, offer)) return undefined;
  const rank = [spelling(want), ...compatible(want)].indexOf(spelling(offer));
  return rank === -1 ? undefined : rank;
}

/** What else runs on a platform, closest first: each level of an instruction set runs the levels below it; amd64 runs 386, arm64 runs arm. */
function compatible({ architecture, variant = '' }: Platform): string[] {
  const level = Number(/^v(\d)$/.exec(variant)?.[1] ?? 0);
  if (architecture === 'arm' && level > 0) return levels('arm', level, 5);
  if (architecture === 'amd64') return [...levels('amd64', level, 2), 'amd64/', '386/'];
  if (architecture === 'arm64') return arm64Levels(variant);
  return [];
}

/** `v8.2` runs `v8.1` and `v8`; `v9.1` runs `v9` and `v8.6` to `v8` too; all of them 32-bit arm. */
function arm64Levels(variant: string): string[] {
  const [, major, minor] = /^v([89])(?:\.(\d))?$/.exec(variant || 'v8') ?? [];
  if (major === undefined) return [];
  const highest = Number(minor ?? 0);
  const v9 = major === '9' ? minors(9, highest) : [];
  const v8 = minors(8, major === '9' ? Math.min(9, highest + 5) : highest);
  return [...v9, ...v8.slice(0, -1), 'arm64/', ...levels('arm', 8, 5)];
}

function minors(major: number, highest: number): string[] {
  return Array.from({ length: highest + 1 }, (_, below) => highest - below).map(
    (minor) => `arm64/v${major}${minor === 0 ? '' : `.${minor}`}`,
  );
}

function spelling({ architecture, variant = '' }: Platform): string {
  return `${architecture}/${variant}`;
}

function levels(architecture: string, from: number, to: number): string[] {
  return Array.from({ length: Math.max(0, from - to + 1) }, (_, below) => `${architecture}/v${from - below}`);
}

/** A Windows image runs on its own build only (`10.0.17763.x`), if both say theirs. */
function sameWindows(want: Platform, offer: Platform): boolean {
  const [wanted, offered] = [want['os.version'], offer['os.version']];
  return want.os !== 'windows' || !wanted || !offered || build(wanted) === build(offered);
}

function build(version: string): string {
  return version.split('.').slice(0, 3).join('.');
}

function normalizeVariant(architecture: string, variant: string): string {
  const numbered = /^\d/.test(variant) ? `v${variant}` : variant;
  const level = numbered.replace(/\.0$/, '');
  if (architecture === 'arm') return level || 'v7';
  if (architecture === 'arm64') return level === 'v8' ? '' : level;
  if (architecture === 'amd64') return level === 'v1' ? '' : level;
  return architecture === '386' ? '' : variant;
}

const OS_ALIAS = new Map([['macos', 'darwin']]);

const ARCHITECTURE_ALIAS = new Map<string, { architecture: string; variant?: string }>([
  ['i386', { architecture: '386' }],
  ['x86_64', { architecture: 'amd64' }],
  ['x86-64', { architecture: 'amd64' }],
  ['aarch64', { architecture: 'arm64' }],
  ['armhf', { architecture: 'arm', variant: 'v7' }],
  ['armel', { architecture: 'arm', variant: 'v6' }],
]);

const NODE_OS = new Map([
  ['win32', 'windows'],
  ['sunos', 'solaris'],
]);

const NODE_ARCHITECTURE = new Map([
  ['x64', 'amd64'],
  ['ia32', '386'],
  ['ppc64', 'ppc64le'],
  ['mipsel', 'mipsle'],
]);
