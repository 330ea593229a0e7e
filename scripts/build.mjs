// Compiles apps/ and libs/ into dist/ with swc; the layout below dist/ is the layout of the sources.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const skipped = /\.(spec|suite|e2e)\.ts$/;

async function sources(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !skipped.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

async function compile(file) {
  const target = join(root, 'dist', relative(root, file)).replace(/\.ts$/, '.js');
  const { code, map } = await transformFile(file, { cwd: root, swcrc: true, sourceFileName: file });
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, `${code}\n//# sourceMappingURL=${target.split('/').pop()}.map\n`);
  if (map) await writeFile(`${target}.map`, map);
}

export async function build() {
  await rm(join(root, 'dist'), { recursive: true, force: true });
  const files = [...(await sources(join(root, 'apps'))), ...(await sources(join(root, 'libs')))];
  await Promise.all(files.map(compile));
  return files.length;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const began = Date.now();
  console.log(`built ${await build()} files in ${Date.now() - began} ms`);
}
