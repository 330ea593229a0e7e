import { join } from 'node:path';
import { HOUSE } from '#testing/house';
import { runProgram } from '#testing/run-program';

const COMMAND = join(HOUSE, 'scripts', 'entrepot.mjs');

/** What a shell makes of the command's output. */
const typed = (line: string) => runProgram('bash', ['-o', 'pipefail', '-c', line, 'bash', process.execPath, COMMAND]);

describe('where the output of the command goes', () => {
  it('a disk that is full is said in one line, and is a failure', async () => {
    expect(await typed('"$1" "$2" --help > /dev/full')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: what was to be said could not be written: ENOSPC.*\n$/),
    });
  });

  it('a reader that has enough is no failure', async () => {
    const { code, stdout, stderr } = await typed('"$1" "$2" --help | head -1');
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'Usage: entrepot [options] [command]\n', stderr: '' });
  });
});
