import { Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { LOG_LEVELS, type LogLevelName } from '#config/log-level';
import { StartFault } from '#config/start-fault';
import { whileDoing } from '#telemetry/doing';
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
  return NestFactory.createApplicationContext(Broken, {
    logger: new ProgramLog({ level: 'warn' }),
    abortOnError: false,
  });
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
    const log = new ProgramLog({ level });
    const text = await listen(() => {
      for (const each of ['error', 'warn', 'log', 'debug'] as const) log[each](`this is ${each};`);
    });
    expect([...text.matchAll(/this is (\w+);/g)].map(([, each]) => each)).toEqual(heard);
    expect(LOG_LEVELS).toContain(level);
  });

  it.each([
    ['info', false],
    ['debug', true],
  ] as const)("at %s, the framework's own steps of a start are said: %s", async (level, heard) => {
    @Module({})
    class Empty {}
    const logger = new ProgramLog({ level });
    const text = await listen(async () => (await NestFactory.createApplicationContext(Empty, { logger })).close());
    expect(/InstanceLoader/.test(text)).toBe(heard);
  });

  it('is coloured on a terminal alone', async () => {
    const colour = '\u001b[';
    expect(await listen(() => new ProgramLog({ level: 'info', isTerminal: false }).warn('mind this'))).not.toContain(
      colour,
    );
    expect(await listen(() => new ProgramLog({ level: 'info', isTerminal: true }).warn('mind this'))).toContain(colour);
  });

  describe('as JSON', () => {
    const options = { level: 'info', format: 'json', service: 'gc', isTerminal: true } as const;
    const lines = (text: string) =>
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line));

    it('is an object a line: when, how bad, who, and what it belongs to', async () => {
      const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), sampled: true };
      const text = await listen(async () => {
        const log = new ProgramLog(options);
        log.log('first\nsecond', 'Intake');
        await whileDoing({ operation: 'o1', trace }, async () => log.warn('mind this', 'Fetcher'));
        log.error('broken', 'a stack\n    at here', 'Calls');
      });
      const who = {
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        service: 'gc',
        replica: expect.stringMatching(/:\d+$/),
      };
      expect(lines(text)).toEqual([
        { ...who, level: 'info', context: 'Intake', message: 'first\nsecond' },
        { ...who, level: 'warn', operation: 'o1', trace: trace.traceId, context: 'Fetcher', message: 'mind this' },
        { ...who, level: 'error', context: 'Calls', message: 'broken', stack: 'a stack\n    at here' },
      ]);
    });

    it('is what a program says by itself where no terminal shows it', async () => {
      const said = (isTerminal: boolean) =>
        listen(() => new ProgramLog({ ...options, format: 'auto', isTerminal }).log('hello'));
      expect(lines(await said(false))).toMatchObject([{ message: 'hello' }]);
      expect(await said(true)).not.toContain('{');
    });
  });

  it.each(['json', 'text'] as const)('as %s has no secret of the settings, nor what looks like one', async (format) => {
    const env = {
      ENTREPOT_SECRET: 'sesame-sesame',
      DATABASE_URL: 'postgres://me:p%40ssword@host/db',
      ENTREPOT_S3_SECRET_KEY: 'minio-key',
      ENTREPOT_PORT: '5050',
    };
    const text = await listen(async () => {
      const log = new ProgramLog({ level: 'info', format, env });
      log.log('sesame-sesame, p@ssword and p%40ssword at 5050');
      log.error(new Error('nats://other:hidden1@host: Bearer abcdefghijk'), 'Calls');
      log.log('Authorization: Basic YWJjZGVmZ2g=');
      log.warn('GET https://s3/x?X-Amz-Signature=0123abcd&y=1 with minio-key');
    });
    for (const secret of ['sesame', 'ssword', 'hidden1', 'abcdefghijk', 'YWJjZ', '0123abcd', 'minio-key'])
      expect(text).not.toContain(secret);
    for (const plain of ['5050', 'nats://other:***@host', 'y=1']) expect(text).toContain(plain);
  });

  it('has neither the key that lets in users of the bus nor a token of the bus', async () => {
    const env = { ENTREPOT_NATS_ISSUER: 'SAABCDEFGHIJ', NATS_URL: 'nats://sesame%21token@bus:4222' };
    const text = await listen(() => {
      const log = new ProgramLog({ level: 'info', env });
      log.warn('SAABCDEFGHIJ, sesame!token and nats://sesame%21token@bus:4222, nats://another@bus:4222');
    });
    for (const secret of ['SAABC', 'sesame', 'another']) expect(text).not.toContain(secret);
  });

  it('hides no word that only names a key, nor where a secret lies', async () => {
    const env = {
      ENTREPOT_S3_ACCESS_KEY: 'entrepot',
      NATS_PASSWORD_FILE: '/run/secrets/nats',
      NATS_KEY: '/etc/tls/key.pem',
    };
    const said = 'the bucket entrepot; /run/secrets/nats cannot be read, nor /etc/tls/key.pem';
    expect(await listen(() => new ProgramLog({ level: 'info', env }).warn(said))).toContain(said);
  });

  it('as text says at the end of a line what it belongs to', async () => {
    const text = await listen(() =>
      whileDoing({ operation: 'o1' }, async () => new ProgramLog({ level: 'info' }).log('hello')),
    );
    expect(text).toMatch(/hello \(operation o1\)\n$/);
  });
});
