// Old versions of Node must be able to read this file, and those that import it: plain syntax only.
import { readFileSync } from 'node:fs';

const { engines } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

/** Ends the process, with one clear line, where Node is older than package.json says. */
export function checkNode() {
  const least = engines.node.replace('>=', '');
  if (compare(process.versions.node, least) >= 0) return;
  console.error(`Entrepot needs Node ${least} or later, and this is Node ${process.versions.node}.`);
  process.exit(1);
}

function compare(one, other) {
  const [a, b] = [one, other].map((text) => text.split('.').map(Number));
  const at = a.findIndex((part, index) => part !== b[index]);
  return at === -1 ? 0 : a[at] - b[at];
}
