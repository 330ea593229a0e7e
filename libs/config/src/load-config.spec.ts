import { z } from 'zod';
import { byteSize } from './byte-size';
import { describeConfig } from './describe-config';
import { duration } from './duration';
import { ConfigError, loadConfig } from './load-config';
import { onOff } from './on-off';
import { portNumber } from './whole-number';

const schema = z.object({
  ENTREPOT_PORT: portNumber().prefault('5050').describe('Where to listen'),
  ENTREPOT_STORE_LIMIT: byteSize().optional().describe('Most bytes kept'),
  ENTREPOT_GRACE: duration().prefault('10m').describe('Time'),
  ENTREPOT_REDIRECT: onOff().prefault('off').describe('Redirects'),
  ENTREPOT_LOG_LEVEL: z.enum(['log', 'debug']).default('log').describe('Level'),
  DATABASE_URL: z.url({ protocol: /^postgres$/, error: 'must be a postgres:// address' }).describe('Database'),
});
const DATABASE_URL = 'postgres://u:p@h/d';

function faultsOf(env: Record<string, string>, known: string[] = []): readonly string[] {
  try {
    loadConfig(schema, env, known);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

describe('loadConfig', () => {
  it('gives what the variables mean, and the defaults', () => {
    const config = loadConfig(schema, { DATABASE_URL, ENTREPOT_PORT: '0', ENTREPOT_STORE_LIMIT: '1.5GiB', HOME: '/x' });
    expect(config).toEqual({
      DATABASE_URL,
      ENTREPOT_PORT: 0,
      ENTREPOT_STORE_LIMIT: 1_610_612_736,
      ENTREPOT_GRACE: 600_000,
      ENTREPOT_REDIRECT: false,
      ENTREPOT_LOG_LEVEL: 'log',
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('names every fault at once: the variable and the rule', () => {
    const env = { ENTREPOT_PORT: '70000', ENTREPOT_GRACE: '10', ENTREPOT_LOG_LEVEL: 'loud', ENTREPOT_GRAZE: '1s' };
    expect(() => loadConfig(schema, env)).toThrow(
      [
        'The settings cannot be used:',
        '  ENTREPOT_PORT: must be a whole number, from 0 to 65535, and is "70000"',
        '  ENTREPOT_GRACE: must be a time with its unit, such as 250ms, 10s, 5m, 24h or 30d, and is "10"',
        '  ENTREPOT_LOG_LEVEL: Invalid option: expected one of "log"|"debug"',
        '  DATABASE_URL: must be set',
        '  ENTREPOT_GRAZE: no such setting; did you mean ENTREPOT_GRACE?',
      ].join('\n'),
    );
  });

  it('takes an empty variable as not set', () => {
    expect(loadConfig(schema, { DATABASE_URL, ENTREPOT_PORT: '' }).ENTREPOT_PORT).toBe(5050);
    expect(faultsOf({ DATABASE_URL: '' })).toEqual(['DATABASE_URL: must be set']);
  });

  it('never shows an address that may hold a password', () => {
    expect(faultsOf({ DATABASE_URL: 'http://u:hunter2@h' })).toEqual(['DATABASE_URL: must be a postgres:// address']);
  });

  it('knows the settings of the other apps in the same environment', () => {
    const env = { DATABASE_URL, ENTREPOT_POST: '4222' };
    expect(faultsOf(env)).toEqual(['ENTREPOT_POST: no such setting; did you mean ENTREPOT_PORT?']);
    expect(faultsOf(env, ['ENTREPOT_POST'])).toEqual([]);
  });

  it('suggests nothing for a name that is like no other', () => {
    expect(faultsOf({ DATABASE_URL, ENTREPOT_WATERMELON: '1' })).toEqual(['ENTREPOT_WATERMELON: no such setting']);
  });
});

describe('describeConfig', () => {
  it('lists every setting with its default as one writes it', () => {
    expect(describeConfig(schema)).toEqual([
      { name: 'ENTREPOT_PORT', default: '5050', required: false, description: 'Where to listen' },
      { name: 'ENTREPOT_STORE_LIMIT', default: undefined, required: false, description: 'Most bytes kept' },
      { name: 'ENTREPOT_GRACE', default: '10m', required: false, description: 'Time' },
      { name: 'ENTREPOT_REDIRECT', default: 'off', required: false, description: 'Redirects' },
      { name: 'ENTREPOT_LOG_LEVEL', default: 'log', required: false, description: 'Level' },
      { name: 'DATABASE_URL', default: undefined, required: true, description: 'Database' },
    ]);
  });
});

describe('sizes and times', () => {
  it.each([
    ['4096', 4096],
    ['512KiB', 524_288],
    ['16 MiB', 16_777_216],
    ['20GB', 20_000_000_000],
    ['0', 0],
  ])('%s is %d bytes', (text, bytes) => {
    expect(byteSize().parse(text)).toBe(bytes);
  });

  it.each(['', '-1', '16mib', '1e3', '16MiBs', '0x10', '99999999999TiB', '1,5GiB', 'constructor', '1 toString'])(
    '%j is no size',
    (text) => {
      expect(byteSize().safeParse(text).success).toBe(false);
    },
  );

  it.each([
    ['250ms', 250],
    ['10s', 10_000],
    ['1.5m', 90_000],
    ['24h', 86_400_000],
    ['30d', 2_592_000_000],
    ['0', 0],
  ])('%s is %d ms', (text, milliseconds) => {
    expect(duration().parse(text)).toBe(milliseconds);
  });

  it.each(['', '10', '10 minutes', '-5s', '5M', 's', '1h30m'])('%j is no time', (text) => {
    expect(duration().safeParse(text).success).toBe(false);
  });
});
