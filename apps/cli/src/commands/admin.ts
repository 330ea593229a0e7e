import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { doing, withExamples } from '../desk';
import { EXIT, type Exit, Fault } from '../fault';
import type { Terminal } from '../terminal';

export function addAdmin(program: Command, terminal: Terminal): void {
  const admin = program
    .command('admin')
    .summary('work on the store itself, on the machine that has it')
    .description('Work on the store itself, also while no service answers: on the machine that has the data folder.');
  const fsck = admin
    .command('fsck')
    .description(
      'Compare what is stored with what is known, and name every difference. The exit code is 0 where all is well, 1 where it is not.',
    )
    .option('--deep', 'read and hash all bytes')
    .option('--repair', 'have fetched again what an upstream has, and drop what nothing refers to')
    .option('--json', 'write a line of JSON for each fault')
    .option('--mark-lost', 'mark lost what is missing, also where most of it is')
    .action(doing<CheckOptions>(terminal, (_desk, _args, options) => check(options, terminal)));
  withExamples(fsck, [['entrepot admin fsck --deep', 'reads everything: it takes as long as the disk does']]);
}

interface CheckOptions {
  readonly deep?: boolean;
  readonly repair?: boolean;
  readonly json?: boolean;
  readonly markLost?: boolean;
}

/** The program that does it is a command of the standalone app, beside this one. */
async function check({ deep, repair, json, markLost }: CheckOptions, { interrupted }: Terminal): Promise<void> {
  const program = adminProgram(__dirname);
  const data = process.env.ENTREPOT_DATA || join(dirname(program), '..', '..', '..', '..', '.entrepot');
  if (!existsSync(data) && !process.env.DATABASE_URL)
    throw new Fault(`there is no data folder ${data} on this machine: say where it is with ENTREPOT_DATA`);
  const args = [
    '--enable-source-maps',
    program,
    'fsck',
    ...(deep ? ['--deep'] : []),
    ...(repair ? ['--repair'] : []),
    ...(json ? ['--json'] : []),
    ...(markLost ? ['--mark-lost'] : []),
  ];
  const child = spawn(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ENTREPOT_DATA: data } });
  const code = await new Promise<number | null>((resolve, reject) => child.on('exit', resolve).on('error', reject));
  if (interrupted.aborted) throw new Fault('', EXIT.interrupted);
  if (code !== 0) throw new Fault('', (code === EXIT.usage ? EXIT.usage : EXIT.failed) satisfies Exit);
}

function adminProgram(here: string): string {
  const program = join(here, '..', '..', '..', 'standalone', 'src', 'admin.js');
  if (existsSync(program)) return program;
  throw new Fault(`${program} is not there: this copy of the command has no admin program`);
}
