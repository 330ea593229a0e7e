import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNatsServer } from './find-nats-server';
import { checkWheel } from './install-nats-server';
import { isNewEnough } from './nats-server-version';

describe('the nats-server that is used', () => {
  const { PATH, XDG_CACHE_HOME } = process.env;
  let folder: string;
  let onPath: string;
  let bin: string;
  let shared: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'entrepot-find-'));
    onPath = join(folder, 'path');
    bin = join(folder, 'bin');
    shared = join(folder, 'cache', 'entrepot', 'peers', 'bin');
    for (const each of [onPath, bin, shared]) await mkdir(each, { recursive: true });
    // Nothing but a shell: neither pip nor Go, so that nothing is fetched.
    await symlink('/bin/sh', join(onPath, 'sh'));
    Object.assign(process.env, { PATH: onPath, XDG_CACHE_HOME: join(folder, 'cache') });
  });
  afterEach(async () => {
    process.env.PATH = PATH;
    if (XDG_CACHE_HOME === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = XDG_CACHE_HOME;
    await rm(folder, { recursive: true, force: true });
  });

  const put = (place: string, version: string) =>
    writeFile(join(place, 'nats-server'), `#!/bin/sh\necho "nats-server: v${version}"\n`, { mode: 0o755 });

  it('is the one on PATH before any other', async () => {
    await put(onPath, '2.12.6');
    await put(bin, '2.15.1');
    expect(await findNatsServer(bin)).toEqual({ path: 'nats-server', version: '2.12.6', origin: 'on PATH' });
  });

  it('is not one that is too old, wherever it lies', async () => {
    await put(onPath, '2.9.10');
    await put(bin, '2.12.5');
    await put(shared, '2.15.1');
    const path = join(shared, 'nats-server');
    expect(await findNatsServer(bin)).toEqual({ path, version: '2.15.1', origin: `in ${shared}` });
  });

  it('is not one that does not run', async () => {
    await writeFile(join(onPath, 'nats-server'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    await put(bin, '3.0.0');
    expect(await findNatsServer(bin)).toMatchObject({ version: '3.0.0', origin: `in ${bin}` });
  });

  it('is said to be missing, with why and the line that installs it', async () => {
    let said = 0;
    const found = findNatsServer(bin, () => {
      said += 1;
    });
    await expect(found).rejects.toThrow(
      /^There is no nats-server 2\.12\.6 or later here, and it could not be installed:\n {2}pip, .*: not on this machine\n {2}go install .*: not on this machine\n(Install|Run) .*`.+`.*, or set NATS_URL/,
    );
    expect(said).toBe(1);
  });

  it('is not said to be missing where its folder cannot be used: that is the fault', async () => {
    await rm(bin, { recursive: true });
    await writeFile(bin, '');
    await expect(findNatsServer(bin)).rejects.toMatchObject({ code: 'EEXIST', path: bin });
  });

  it('is what was pinned, or is not installed', () => {
    const sha256 = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';
    expect(() => checkWheel(Buffer.from('hello'), sha256)).not.toThrow();
    expect(() => checkWheel(Buffer.from('hullo'), sha256)).toThrow(/SHA-256 is .* expected 2cf24d/);
  });

  it.each([
    ['2.12.6', true],
    ['2.13.0', true],
    ['3.0.0', true],
    ['2.12.10', true],
    ['2.12.5', false],
    ['2.9.10', false],
    ['1.99.99', false],
  ])('%s is new enough: %s', (version, enough) => {
    expect(isNewEnough(version)).toBe(enough);
  });
});
