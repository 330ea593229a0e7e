import { chmod, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { DockerRegistry } from '#testing/docker-registry';
import { Entrepot } from '#testing/entrepot';
import { HOUSE } from '#testing/house';
import { peer } from '#testing/peers';
import { runProgram } from '#testing/run-program';
import { removeFolder, tempFolder } from '#testing/temp-folder';
import { readSteps, type Step, whatMatters } from './page';

/** What would end by itself, or was refused, ends before that. */
const STAYS_S = 1;
/** Characters of what was said before a fault. */
const LAST = 2_000;

/** Types what a page says, on a fresh installation whose docker.io is a registry of this machine. */
export class Reader {
  private constructor(
    private readonly entrepot: Entrepot,
    private readonly folder: string,
  ) {}

  /** What the pages pull is there. */
  static async fill(hub: DockerRegistry): Promise<void> {
    await Promise.all([
      hub.push('library/multi:1', 'library/alpine:3'),
      hub.push('library/quick:1', 'library/busybox:1'),
    ]);
  }

  static async sitDown(hub: DockerRegistry): Promise<Reader> {
    const folder = await tempFolder('reader');
    const upstreams = join(folder, 'upstreams.json');
    await writeFile(upstreams, JSON.stringify({ 'docker.io': { at: hub.host, plainHttp: true } }), { mode: 0o600 });
    const entrepot = await Entrepot.start({ ENTREPOT_UPSTREAMS: upstreams });
    await Promise.all(Object.entries(SHIMS).map(([name, lines]) => putProgram(join(folder, name), lines)));
    return new Reader(entrepot, folder);
  }

  /** Types a page from its first line to its last. Throws with the line that failed, or that said something else. */
  async read(page: string): Promise<void> {
    const steps = readSteps(page);
    const { code, stdout, stderr } = await runProgram('bash', ['-c', scriptOf(steps)], {
      env: this.environment(),
      cwd: HOUSE,
      withinMs: 200_000,
    });
    const said = stdout.split(/^<step \d+>\n/m).slice(1);
    const step = steps[said.length - 1];
    if (code !== 0)
      throw new Error(`docs/${page}:${step?.line} ended with ${code}:\n${said.at(-1)?.slice(-LAST)}\n${stderr}`);
    const others = steps.flatMap(({ line, shown }, at) => {
      const seen = (said[at] ?? '').replaceAll(String(this.entrepot.port), '5050');
      if (shown === null || whatMatters(seen) === whatMatters(shown)) return [];
      return [`docs/${page}:${line} says\n${shown}\nand one sees\n${seen}`];
    });
    if (others.length > 0) throw new Error(others.join('\n'));
  }

  async leave(): Promise<void> {
    await Promise.all([this.entrepot.destroy(), removeFolder(this.folder)]);
  }

  private environment(): NodeJS.ProcessEnv {
    const { PATH, HOME } = process.env;
    return {
      PATH: [this.folder, dirname(peer('nats')), PATH].join(delimiter),
      HOME,
      NATS_URL: this.entrepot.natsUrl,
      ENTREPOT_URL: this.entrepot.url,
      ENTREPOT_DATA: this.entrepot.data,
      PORT: String(this.entrepot.port),
      HOUSE,
      CURL: '/usr/bin/curl',
    };
  }
}

/** `npx entrepot` without npx; a curl that fails where the server refuses; the port that the pages name is ours. */
const SHIMS: Readonly<Record<string, string>> = {
  npx: `shift; exec node "$HOUSE/scripts/entrepot.mjs" "\${@//:5050/:$PORT}"`,
  curl: `exec "$CURL" --fail-with-body -sS "\${@//:5050/:$PORT}"`,
};

async function putProgram(path: string, lines: string): Promise<void> {
  await writeFile(path, `#!/bin/bash\n${lines}\n`);
  await chmod(path, 0o755);
}

function scriptOf(steps: readonly Step[]): string {
  const each = steps.map(({ script, stays }, at) => `echo '<step ${at}>'\n${stays ? staying(script) : script}`);
  return ['set -euo pipefail', 'exec 2>&1', ...each].join('\n');
}

/** Each line goes on until it is ended. */
function staying(script: string): string {
  const lines = script.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => `code=0; timeout ${STAYS_S} ${line} || code=$?; [ "$code" = 124 ]`).join('\n');
}
