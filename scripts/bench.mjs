// Measures the real program beside real peers and writes docs/benchmarks.md. `npm run bench -- reads pull` runs some.
// Figures of one run are to be read as ratios: the load comes from the same machine.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endLargeWarehouse } from './bench/large-warehouse.mjs';
import { ensurePeers } from './peers.mjs';
import { setUp } from './setup.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const PAGE = join(root, 'docs', 'benchmarks.md');
const ALL = [
  'start',
  'reads',
  'pull',
  'memory',
  'shapes',
  'downloads',
  'weight',
  'recovery',
  'facts',
  'messages',
  'looking',
  'changes',
  'prune',
];

/** Measured by something else: `npm run chaos`. */
const OF_OTHERS = ['chaos'];

function machine() {
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${cpus()[0].model.trim()}, ${memory} GiB, Node ${process.version}, ${process.platform}`;
}

function section({ title, columns, rows, notes }) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const table = [line(columns), line(columns.map(() => '---')), ...rows.map(line)];
  return [`## ${title}`, '', ...table, '', ...notes.map((note) => `${note}\n`)].join('\n');
}

/** Replaces the sections that were measured, keeps the others. */
function writePage(measured) {
  const old = readPage();
  const sections = [...ALL, ...OF_OTHERS].map((name) => measured.get(name) ?? old.get(name)).filter(Boolean);
  const marked = sections.map(({ name, text }) => `<!-- ${name} -->\n${text.trimEnd()}\n`);
  const head = `# Benchmarks\n\nWritten by \`npm run bench\`. The load generator runs on the same machine as what it loads: read the figures as\nratios within one table. Each is the median of its rounds, or the percentile that is named. By name: \`npm run bench -- reads\`;\n\`looking\`, \`changes\` and \`prune\` share one large warehouse where they are run together.\n`;
  writeFileSync(PAGE, `${head}\n${marked.join('\n').trimEnd()}\n`);
}

function readPage() {
  let text = '';
  try {
    text = readFileSync(PAGE, 'utf8');
  } catch {}
  const parts = text.split(/^<!-- (\w+) -->\n/m).slice(1);
  return new Map(
    [...ALL, ...OF_OTHERS].flatMap((name) => {
      const at = parts.indexOf(name);
      return at < 0 ? [] : [[name, { name, text: parts[at + 1] }]];
    }),
  );
}

setUp(console.log);
const missing = ensurePeers({ say: console.log });
if (missing.length > 0) {
  console.error(`missing: ${missing.map(({ name, line }) => `${name} (${line})`).join(', ')}`);
  process.exit(1);
}
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !ALL.includes(name));
if (unknown.length > 0) {
  console.error(`no such benchmark: ${unknown.join(', ')}; there are ${ALL.join(' ')}`);
  process.exit(2);
}
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
const measured = new Map();
const names = ALL.filter((name) => asked.length === 0 || asked.includes(name));
try {
  for (const name of names) await measureOne(name);
} finally {
  await endLargeWarehouse();
}

async function measureOne(name) {
  console.log(`== ${name}`);
  const { measure } = await import(`./bench/${name}.mjs`);
  const result = await measure(console.log);
  const today = new Date().toISOString().slice(0, 10);
  result.notes.push(`Command: \`npm run bench -- ${name}\`; ${today}, commit ${commit}; ${machine()}.`);
  measured.set(name, { name, text: section(result) });
  console.log(section(result));
  writePage(measured);
}
