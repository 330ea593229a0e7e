// Makes the real images that the tests pull, each once, as OCI image layouts beside the peers, outside any clone.
// `node scripts/images.mjs [name...]` prints where each is; without names, all of them. A layout names its image `it`:
// `skopeo copy --all --preserve-digests oci:FOLDER:it docker://HOST:PORT/NAME`.
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Layout } from './images/layout.mjs';
import { RECIPES } from './images/recipes.mjs';
import { peersFolder } from './peers/find.mjs';

/** Goes up when a recipe changes. */
const VERSION = 'v1';

export const imageNames = () => Object.keys(RECIPES);

/** The folder of an image's layout, made when it is not there yet. */
export async function ensureImage(name) {
  const cache = join(peersFolder(), 'images', VERSION);
  const folder = join(cache, name.replaceAll(/[/:]/g, '-'));
  if (existsSync(folder)) return folder;
  const draft = `${folder}.${process.pid}`;
  mkdirSync(cache, { recursive: true });
  try {
    const layout = new Layout(draft);
    layout.finish(await RECIPES[name](layout, cache));
    renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return folder;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2);
  const unknown = names.filter((name) => !imageNames().includes(name));
  if (unknown.length > 0) {
    console.error(`no such image: ${unknown.join(', ')}; there are ${imageNames().join(' ')}`);
    process.exit(2);
  }
  for (const name of names.length > 0 ? names : imageNames()) console.log(`${name} ${await ensureImage(name)}`);
}
