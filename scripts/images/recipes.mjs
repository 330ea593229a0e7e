import { spawnSync } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { findProgram } from '../peers/find.mjs';
import { TAR, TAR_GZIP } from './layout.mjs';
import { tar } from './tar.mjs';

/** What each image is, by the name under which a registry gets it. A changed recipe needs a new version of the cache. */
export const RECIPES = {
  'library/quick:1': quick,
  'library/multi:1': multi,
  'library/debian:bookworm': debian,
  'library/node:20': node,
};

const AMD64 = { architecture: 'amd64', os: 'linux' };
const sha256 = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** The same bytes for the same seed, and nothing that compresses. */
function noise(seed, length) {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

function smallLayer(layout, name, length) {
  const archive = tar({ [name]: noise(name, length) });
  return { descriptor: layout.putBytes(TAR_GZIP, gzipSync(archive)), diffId: sha256(archive) };
}

/** Three layers, 1.7 MB: for tests that do many rounds. */
function quick(layout) {
  const layers = [
    smallLayer(layout, 'small', 5_000),
    smallLayer(layout, 'middle', 200_000),
    smallLayer(layout, 'large', 1_500_000),
  ];
  return layout.image({ layers, platform: AMD64, config: { Cmd: ['/small'] } });
}

/** An index of three platforms that share a layer, with the attestation that builders add to each. */
function multi(layout) {
  const shared = smallLayer(layout, 'shared', 300_000);
  const platforms = [
    AMD64,
    { architecture: 'arm64', os: 'linux', variant: 'v8' },
    { architecture: 's390x', os: 'linux' },
  ];
  const images = platforms.map((platform) => {
    const own = smallLayer(layout, platform.architecture, 100_000);
    return layout.image({ layers: [shared, own], platform });
  });
  const statement = { descriptor: layout.putJson('application/vnd.in-toto+json', { about: images[0].digest }) };
  const attestation = layout.image({
    layers: [{ ...statement, diffId: statement.descriptor.digest }],
    platform: { architecture: 'unknown', os: 'unknown' },
  });
  const annotations = {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': images[0].digest,
  };
  return layout.index([...images, { ...attestation, annotations }]);
}

/** A Debian that debootstrap made: one layer of 200 MB that is not compressed, as some builders write them. */
async function debian(layout, cache) {
  return layout.image({ layers: [await debianLayer(layout, cache)], platform: AMD64, config: { Cmd: ['/bin/bash'] } });
}

/** The same Debian with this machine's node on top, in a compressed layer: 240 MB in the registry, 300 MB unpacked. */
async function node(layout, cache) {
  const program = readFileSync(realpathSync(process.execPath));
  const archive = tar({ 'usr/local/bin/node': program }, 0o755);
  const own = { descriptor: layout.putBytes(TAR_GZIP, gzipSync(archive, { level: 1 })), diffId: sha256(archive) };
  const config = {
    Entrypoint: ['node'],
    Cmd: ['--version'],
    Env: ['PATH=/usr/local/bin:/usr/bin:/bin', 'NODE_ENV=production'],
    WorkingDir: '/srv',
    ExposedPorts: { '8080/tcp': {} },
  };
  return layout.image({ layers: [await debianLayer(layout, cache), own], platform: AMD64, config });
}

async function debianLayer(layout, cache) {
  const descriptor = await layout.linkFile(TAR, debianArchive(cache));
  return { descriptor, diffId: descriptor.digest };
}

function debianArchive(cache) {
  const archive = join(cache, 'debian.tar');
  if (existsSync(archive)) return archive;
  const root = join(cache, `debian.${process.pid}`);
  try {
    run('debootstrap', ['--variant=minbase', 'bookworm', root]);
    const settings = ['--sort=name', '--mtime=@0', '--numeric-owner', '--exclude=./dev/*', '--exclude=./proc/*'];
    run('tar', ['-C', root, ...settings, '-cf', `${root}.tar`, '.']);
    renameSync(`${root}.tar`, archive);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return archive;
}

function run(name, args) {
  const program = findProgram(name);
  if (!program) throw new Error(`${name} is missing: node scripts/peers.mjs ${name}`);
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-3).join(' | ');
  if (status !== 0) throw new Error(`${name} ${args.join(' ')}: ${said}`);
}
