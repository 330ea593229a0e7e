import { Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LOG_LEVELS, type LogLevelName } from '#config/log-level';
import { StartFault } from '#config/start-fault';
import { ProgramLog } from './program-log';

let said = '';

/** Everything that is said while it runs, on both streams. */
async function listen(run: () => Promise<unknown> | unknown): Promise<string> {
  said = '';
  const hear = (text: unknown) => {
    said += String(text);
    return true;
  };
  const spies = [process.stdout, process.stderr].map((stream) => jest.spyOn(stream, 'write').mockImplementation(hear));
  try {
    await run();
  } finally {
    for (const spy of spies) spy.mockRestore();
    Logger.overrideLogger(true);
  }
  return said;
}

function startWith(fault: Error): Promise<unknown> {
  @Module({
    providers: [
      {
        provide: 'broken',
        useFactory: () => {
          throw fault;
        },
      },
    ],
  })
  class Broken {}
  return NestFactory.createApplicationContext(Broken, { logger: new ProgramLog('warn'), abortOnError: false });
}

describe('the log of a program', () => {
  it('leaves a start that cannot go on to whoever runs the program, and says any other fault', async () => {
    const fault = new StartFault('the file is not there');
    const quiet = await listen(() => expect(startWith(fault)).rejects.toBe(fault));
    expect(quiet).toBe('');
    const loud = await listen(() => expect(startWith(new Error('a bug'))).rejects.toThrow('a bug'));
    expect(loud).toContain('a bug');
  });

  it.each<[LogLevelName, string[]]>([
    ['error', ['error']],
    ['warn', ['error', 'warn']],
    ['info', ['error', 'warn', 'log']],
    ['debug', ['error', 'warn', 'log', 'debug']],
  ])('at %s says no more than that', async (level, heard) => {
    const log = new ProgramLog(level);
    const text = await listen(() => {
      for (const each of ['error', 'warn', 'log', 'debug'] as const) log[each](`this is ${each};`);
    });
    expect([...text.matchAll(/this is (\w+);/g)].map(([, each]) => each)).toEqual(heard);
    expect(LOG_LEVELS).toContain(level);
  });

  it('is coloured on a terminal alone', async () => {
    const colour = '\u001b[';
    expect(await listen(() => new ProgramLog('info', false).warn('mind this'))).not.toContain(colour);
    expect(await listen(() => new ProgramLog('info', true).warn('mind this'))).toContain(colour);
  });
});
