import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { runEntrepot } from '#apps/cli/src/run-entrepot';
import { eventually } from '#testing/eventually';
import { HOUSE } from '#testing/house';
import { RunningProgram, runProgram } from '#testing/run-program';
import { addScriptedImage, type ScriptedImage } from '#testing/scripted-image';
import type { Stage } from './stage';

const COMMAND = join(HOUSE, 'scripts', 'entrepot.mjs');

export type RunCommand = (words: readonly string[], env: NodeJS.ProcessEnv) => Promise<Typed>;
interface Typed {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export const asProcess: RunCommand = async (words, env) => {
  const { code, stdout, stderr } = await runProgram(process.execPath, [COMMAND, ...words], { env });
  return { code, out: stdout, err: stderr };
};

/** The same without a process for each: what it asks and is answered is the same. */
export const inThisProcess: RunCommand = async (words, env) => {
  let [out, err] = ['', ''];
  const code = await runEntrepot(words, {
    ...{ env, isOutTerminal: false, isErrTerminal: false, columns: 80, rows: 24 },
    interrupted: new AbortController().signal,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    ask: async () => null,
    now: () => performance.now(),
  });
  return { code, out, err };
};

/** The command as people and programs type it; the store is empty when it begins. */
export function commandSuite(stage: Stage, run: RunCommand): void {
  let image: ScriptedImage;

  beforeAll(() => {
    image = addScriptedImage(stage.upstream, 'team/app', randomBytes(2_000_000));
  });

  const environment = () => ({ PATH: process.env.PATH, HOME: process.env.HOME, ENTREPOT_URL: stage.warehouse.url });
  const typed = (...words: string[]) => run(words, environment());
  const well = async (...words: string[]) => {
    const { code, out, err } = await typed(...words);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    return out;
  };
  const stored = () => `127.0.0.1_${stage.upstream.port}/team/app`;

  it('pull waits, quietly where nobody looks, and its answer names the image for the next command', async () => {
    const name = (await well('pull', image.reference)).trim();
    expect(name).toMatch(new RegExp(`^${stage.upstream.domain}/team/app@sha256:[0-9a-f]{64}$`));
    const digest = name.split('@')[1];
    for (const reference of [name, image.reference, digest!, digest!.slice(7, 19)]) {
      expect(JSON.parse(await well('inspect', reference, '--output', 'json'))).toMatchObject({
        digest,
        complete: true,
      });
    }
    expect(await well('inspect', image.reference)).toContain('Labels:      app=team/app\n');
  });

  it('images lists it, as people and as programs read it, and is what other commands take', async () => {
    expect(await well('images')).toMatch(new RegExp(`^${stored()} +1 +[0-9a-f]{12} .* 2.00 MB `, 'm'));
    expect(await well('images', stored(), '--output', 'name')).toBe(`${image.reference}\n`);
    expect(JSON.parse(await well('images', '--label', 'app=team/app', '-o', 'json'))).toHaveLength(1);
    expect(JSON.parse(await well('images', '--min-size', '1GB', '-o', 'json'))).toEqual([]);
    expect(await well('repositories', '-o', 'name')).toContain(`${stored()}\n`);
    expect(await well('tags', stored(), '-o', 'name')).toBe(`${image.reference}\n`);
    expect(await well('history', image.reference)).toMatch(/^LAYER /);
    expect(JSON.parse(await well('usage', '--fresh', '--output', 'json')).bytes).toBeGreaterThan(2_000_000);
    expect(await well('usage')).toMatch(/^images +1 /m);
    expect(await well('why', image.reference)).toContain('the tag 1 in');
    expect(await well('blobs', 'inspect', image.layer, '-o', 'name')).toBe(`${image.reference}\n`);
    expect(await well('layers', 'shared', image.reference)).toMatch(/^MANIFEST +LAYERS +SHARED +IMAGES\n$/);
  });

  it('tag, tag-history, rollback and untag; what must be so and is not is exit code 5', async () => {
    const name = `${stage.warehouse.host}/team/ours:1`;
    const pasted = `127.0.0.1:${stage.warehouse.port}/team/ours:1`;
    expect(await well('tag', image.reference, name, '--output', 'name')).toBe(`${pasted}\n`);
    expect(await typed('tag', image.reference, name, '--new')).toMatchObject({ code: 5, out: '' });
    expect(await well('tag-history', pasted)).toMatch(/\(new\)/);
    expect(await well('untag', pasted)).toContain('is taken away');
    expect(await well('rollback', name)).toContain('names');
    expect(await typed('rollback', `${stage.warehouse.host}/team/nothing:1`)).toMatchObject({ code: 3, out: '' });
  });

  it('containers keep an image, and rm says so', async () => {
    expect(await well('containers', 'create', image.reference, '--name', 'web')).toMatch(/^created web of /);
    expect(await well('containers', 'start', 'web')).toBe('web running\n');
    expect(await typed('containers', 'start', 'web')).toMatchObject({ code: 5, out: '' });
    expect(await well('containers', 'ls', '--state', 'running')).toContain('web');
    expect(await well('containers', 'inspect', 'web')).toMatch(/^State: +running$/m);
    expect(await typed('rm', image.reference)).toMatchObject({ code: 5, out: '', err: expect.stringContaining('web') });
    expect(await well('containers', 'kill', 'web')).toBe('web exited\n');
    expect(await well('containers', 'rm', 'web')).toBe('removed web\n');
  });

  it('rm, trash and restore', async () => {
    const ours = `127.0.0.1:${stage.warehouse.port}/team/ours:1`;
    const removed = await well('rm', ours);
    expect(removed).toMatch(/^removed /);
    expect(await typed('inspect', ours)).toMatchObject({ code: 3, out: '' });
    const id = (await well('trash', '--repository', 'team/ours', '--output', 'name')).trim();
    expect(removed).toContain(`entrepot restore ${id}\n`);
    expect(await well('restore', id)).toBe(`restored ${ours}\n`);
    expect(await typed('restore', id)).toMatchObject({ code: expect.any(Number), out: '' });
    expect(await well('images', '-o', 'name')).toContain(`${ours}\n`);
    expect(await well('rm', image.reference)).toMatch(/^removed /);
    expect(await typed('rm', image.reference)).toMatchObject({ code: 3, out: '' });
  });

  it('prune plans, and carries out what was planned', async () => {
    const planned = JSON.parse(await well('prune', '--unused', '--repository', 'team/*', '--dry-run', '-o', 'json'));
    expect(planned.list).toMatchObject([{ repository: 'team/ours', state: 'planned' }]);
    expect(await typed('prune', '--unused', '--repository', 'team/*')).toMatchObject({ code: 2, out: '' });
    expect(await well('prune', '--plan', planned.id)).toContain('Removed:    1, ');
    expect(await well('gc', 'runs', '--kind', 'prune', '-o', 'name')).not.toBe('');
    expect(await well('gc', 'pause')).toContain('paused');
    expect(await well('gc', 'resume')).toContain('works');
  });

  it('says on stderr alone what went wrong, and by its exit code', async () => {
    expect(await typed('pull', `${stage.upstream.domain}/team/nothing:1`)).toMatchObject({ code: 3, out: '' });
    expect(await typed('pull', 'NOT A NAME')).toMatchObject({ code: 2, out: '' });
    expect(await typed('images', '--sort', 'colour')).toMatchObject({ code: 2, out: '' });
    const nobody = await typed('images', '--url', 'http://127.0.0.1:1');
    expect(nobody).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^error: no answer from .*ENTREPOT_URL\n$/),
    });
  });

  it('Ctrl-C leaves the pull running: it can be followed to its end, and events tell of it', async () => {
    const layer = randomBytes(400_000);
    const slow = addScriptedImage(stage.upstream, 'team/slow', layer);
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    stage.upstream.script(
      'GET',
      slow.layerUrl,
      async (_, response) => void (await released.then(() => response.end(layer))),
    );
    const events = new RunningProgram(process.execPath, [COMMAND, 'events', '--subject', 'tag.>', '-o', 'json'], {
      env: environment(),
    });
    const pull = new RunningProgram(process.execPath, [COMMAND, 'pull', slow.reference], { env: environment() });
    await eventually('the layer is asked for', async () => stage.upstream.count('GET', slow.layerUrl) > 0);
    pull.signal('SIGINT');
    expect(await pull.exited).toMatchObject({ code: 130 });
    const [, id] = /entrepot operations follow ([0-9a-f-]{36})/.exec(pull.stderr) ?? [];
    expect(await well('operations', 'ls', '--kind', 'pull', '--state', 'running', '-o', 'name')).toBe(`${id}\n`);
    const following = well('operations', 'follow', id!, '-o', 'json');
    release();
    expect(JSON.parse(await following)).toMatchObject({ id, state: 'completed' });
    await events.says(/team\/slow/);
    events.signal('SIGINT');
    expect(await events.exited).toMatchObject({ code: 130 });
  }, 60_000);
}
