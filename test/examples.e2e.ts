import { join } from 'node:path';
import { DockerRegistry } from '#testing/docker-registry';
import { Entrepot } from '#testing/entrepot';
import { HOUSE } from '#testing/house';
import { describeWithPeers, peer } from '#testing/peers';
import { runProgram, runWell } from '#testing/run-program';
import { removeFolder, tempFolder } from '#testing/temp-folder';

const EXAMPLES = join(HOUSE, 'examples');
const IMAGE = 'library/quick:1';

describeWithPeers('the examples', ['docker-registry', 'skopeo', 'nats', 'python-with-nats', 'go'], () => {
  let upstream: DockerRegistry;
  let entrepot: Entrepot;
  let folder: string;
  let digest: string;
  let env: NodeJS.ProcessEnv;
  let pulls: Record<string, readonly [command: string, ...args: string[]]>;

  beforeAll(async () => {
    [upstream, entrepot, folder] = await Promise.all([
      DockerRegistry.start(),
      Entrepot.start(),
      tempFolder('examples'),
    ]);
    digest = await upstream.push(IMAGE);
    await upstream.push(IMAGE, 'library/other:1');
    const nats = peer('nats');
    env = {
      ...process.env,
      NATS_URL: entrepot.natsUrl,
      ENTREPOT_URL: entrepot.url,
      PATH: [join(nats, '..'), process.env.PATH].join(':'),
    };
    const built = join(folder, 'pull');
    await runWell(peer('go'), ['build', '-o', built, '.'], { cwd: join(EXAMPLES, 'go') });
    pulls = {
      Node: [process.execPath, join(EXAMPLES, 'node', 'pull.mjs')],
      Python: [peer('python-with-nats'), join(EXAMPLES, 'python', 'pull.py')],
      Go: [built],
      'the nats command': ['sh', join(EXAMPLES, 'shell', 'pull.sh')],
    };
  }, 300_000);

  afterAll(async () => {
    await Promise.all([entrepot?.destroy(), upstream?.stop(), folder && removeFolder(folder)]);
  }, 60_000);

  const run = ([command, ...args]: readonly [string, ...string[]], ...more: string[]) =>
    runProgram(command, [...args, ...more], { env });

  it.each(['Node', 'Python', 'Go', 'the nats command'])('in %s: the outcome of the pull is said', async (language) => {
    const { code, stdout, stderr } = await run(pulls[language]!, `${upstream.host}/${IMAGE}`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
    expect(stdout).toContain(digest);
  });

  it.each(['Node', 'Python', 'Go', 'the nats command'])('in %s: a pull that cannot be says why', async (language) => {
    const { code, stderr } = await run(pulls[language]!, `${upstream.host}/library/absent:1`);
    expect(code).toBe(1);
    expect(stderr).toContain('library/absent');
  });

  it('a CI job has its images fetched, and is told of one that is not there', async () => {
    const job: [string, string] = ['sh', join(EXAMPLES, 'ci', 'pull-before-build.sh')];
    const references = [`${upstream.host}/${IMAGE}`, `${upstream.host}/library/other:1`];
    const well = await run(job, ...references);
    expect({ code: well.code, stdout: well.stdout }).toEqual({
      code: 0,
      stdout: references.map((reference) => `${reference} is here\n`).join(''),
    });
    expect((await run(job, `${upstream.host}/library/absent:1`)).code).not.toBe(0);
  });

  it('a prune is done every night from then on, and it is said what would go', async () => {
    const { code, stdout } = await run(['sh', join(EXAMPLES, 'ci', 'prune-nightly.sh')]);
    expect(code).toBe(0);
    const [schedule, plan] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(schedule).toMatchObject({ name: 'nightly', timeZone: 'Europe/Berlin', dueAt: expect.any(String) });
    expect(plan).toMatchObject({ list: [] });
  });
});
