import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { killProcess, otherProcess } from '#testing/other-process';

describe('the end of the program', () => {
  const others: ChildProcess[] = [];
  afterEach(() => Promise.all(others.splice(0).map(killProcess)));

  /** A program with a lock, a database and a server, opened in this order; it says what it closes. */
  async function program(script: string): Promise<{ child: ChildProcess; ended: Promise<string> }> {
    const child = otherProcess(
      join(__dirname, 'ending.ts'),
      `
      const ending = new its.Ending((text) => console.log('said: ' + text.split('\\n')[0]));
      ending.opened(() => console.log('lock'));
      ending.opened(async () => console.log('database'));
      ending.listen();
      ${script}
      setInterval(() => {}, 1000);
      console.log('on');
      `,
    );
    others.push(child);
    let output = '';
    child.stdout?.on('data', (text) => {
      output += text;
    });
    const ended = once(child, 'close').then(([code]) => `${output.trim().replaceAll('\n', ', ')}; exit ${code}`);
    await once(child.stdout!, 'data');
    return { child, ended };
  }

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('on %s closes what was opened, the last first', async (signal) => {
    const { child, ended } = await program("ending.opened(() => console.log('server'));");
    child.kill(signal);
    expect(await ended).toBe('on, server, database, lock; exit 0');
  });

  it('is not cut short by the echo of Ctrl-C', async () => {
    const { child, ended } = await program(
      "ending.opened(() => new Promise((done) => process.once('SIGINT', () => setTimeout(done, 20))));",
    );
    child.kill('SIGINT');
    setTimeout(() => child.kill('SIGINT'), 100);
    expect(await ended).toBe('on, database, lock; exit 0');
  });

  it('closes the rest when one thing cannot be closed, and says so', async () => {
    const { child, ended } = await program("ending.opened(async () => { throw new Error('stuck'); });");
    child.kill('SIGTERM');
    expect(await ended).toBe('on, said: Error: stuck, database, lock; exit 1');
  });

  it('comes with the reason after what nobody caught', async () => {
    const { ended } = await program("setTimeout(() => { throw new Error('a fault of ours'); }, 50);");
    expect(await ended).toBe('on, said: Error: a fault of ours, database, lock; exit 1');
  });

  it('is said in one line where that is enough, and what the services say of it is not', async () => {
    const { ended } = await program(`
      const { StartFault } = require('#config/start-fault');
      const { Logger } = require('@nestjs/common');
      const log = new Logger('Bus');
      ending.opened(() => log.warn('away: the connection was lost'));
      setTimeout(() => ending.fail(new StartFault('the disk is full')), 50);`);
    expect(await ended).toBe('on, said: the disk is full, database, lock; exit 1');
  });

  it('does not come because nobody reads what is said any more', async () => {
    const { child, ended } = await program("setInterval(() => console.log('more'), 10);");
    child.stdout?.destroy();
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(child.exitCode).toBeNull();
    child.kill('SIGTERM');
    expect(await ended).toMatch(/; exit 0$/);
  });
});
