import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { HOUSE } from '#testing/house';
import { runWell } from '#testing/run-program';
import { removeFolder, tempFolder } from '#testing/temp-folder';

/** An npm that only notes what it was asked for. */
const NPM = `#!/bin/sh\necho "$@" > asked\nmkdir -p node_modules\n`;
const BUILD = `import { mkdirSync } from 'node:fs';\nmkdirSync('dist', { recursive: true });\n`;

it('a set-up installs what tests need too, whatever NODE_ENV says: it is stamped as complete', async () => {
  const clone = await tempFolder('setup');
  try {
    for (const folder of ['scripts', 'apps', 'libs', 'path']) await mkdir(join(clone, folder));
    await copyFile(join(HOUSE, 'scripts', 'setup.mjs'), join(clone, 'scripts', 'setup.mjs'));
    for (const file of ['package.json', 'package-lock.json']) await writeFile(join(clone, file), '{"packages":{}}');
    await writeFile(join(clone, '.swcrc'), '{}');
    await writeFile(join(clone, 'scripts', 'build.mjs'), BUILD);
    await writeFile(join(clone, 'path', 'npm'), NPM, { mode: 0o755 });
    const script = `import('./scripts/setup.mjs').then(({ setUp }) => setUp(() => {}))`;
    const PATH = [join(clone, 'path'), process.env.PATH].join(delimiter);
    await runWell(process.execPath, ['-e', script], { cwd: clone, env: { PATH, NODE_ENV: 'production' } });
    expect(await readFile(join(clone, 'asked'), 'utf8')).toMatch(/^ci .*--include=dev/);
  } finally {
    await removeFolder(clone);
  }
});
