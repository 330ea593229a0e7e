import { z } from 'zod';
import { describeConfig } from './describe-config';
import { ConfigError, loadConfig } from './load-config';
import { onOff } from './on-off';
import { portNumber, wholeNumber } from './whole-number';

const schema = z.object({
  ENTREPOT_PORT: portNumber().prefault('5050').describe('Where to listen'),
  ENTREPOT_STORE_LIMIT: wholeNumber(0).optional().describe('Most bytes kept'),
  ENTREPOT_GRACE_MS: wholeNumber(1).prefault('600000').describe('Time'),
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
    const config = loadConfig(schema, {
      DATABASE_URL,
      ENTREPOT_PORT: '0',
      ENTREPOT_STORE_LIMIT: '1610612736',
      HOME: '/x',
    });
    expect(config).toEqual({
      DATABASE_URL,
      ENTREPOT_PORT: 0,
      ENTREPOT_STORE_LIMIT: 1_610_612_736,
      ENTREPOT_GRACE_MS: 600_000,
      ENTREPOT_REDIRECT: false,
      ENTREPOT_LOG_LEVEL: 'log',
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('names every fault at once: the variable and the rule', () => {
    const env = {
      ENTREPOT_PORT: '70000',
      ENTREPOT_GRACE_MS: '10m',
      ENTREPOT_LOG_LEVEL: 'loud',
      ENTREPOT_GRAZE_MS: '1',
    };
    expect(() => loadConfig(schema, env)).toThrow(
      [
        'The settings cannot be used:',
        '  ENTREPOT_PORT: must be a whole number, from 0 to 65535, and is "70000"',
        '  ENTREPOT_GRACE_MS: must be a whole number, 1 or more, and is "10m"',
        '  ENTREPOT_LOG_LEVEL: must be one of log, debug',
        '  DATABASE_URL: must be set',
        '  ENTREPOT_GRAZE_MS: no such setting; did you mean ENTREPOT_GRACE_MS?',
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

describe('a rule over several settings', () => {
  const ruled = z
    .object({ PORT: portNumber().prefault('1'), HOST: z.string().default('a'), OPEN: onOff().prefault('off') })
    .superRefine(({ HOST, OPEN }, context) => {
      if (HOST !== 'a' && !OPEN) context.addIssue({ code: 'custom', path: ['HOST'], message: 'is open' });
    })
    .refine(({ PORT, HOST }) => !(HOST === 'b' && PORT === 2), { path: ['PORT'], error: 'is taken at b' });
  const faults = (env: Record<string, string>) => {
    try {
      loadConfig(ruled, env);
      return [];
    } catch (error) {
      return (error as ConfigError).faults.map((fault) => fault.split(',')[0]);
    }
  };

  it('is asked although a setting that it does not read has a fault', () => {
    expect(faults({ PORT: 'abc', HOST: 'b' })).toEqual(['PORT: must be a whole number', 'HOST: is open']);
  });

  it('is not asked where a setting that it reads has a fault', () => {
    expect(faults({ OPEN: 'perhaps', HOST: 'b', PORT: '2' })).toEqual([
      'OPEN: must be on or off',
      'PORT: is taken at b',
    ]);
    expect(faults({ OPEN: 'perhaps', HOST: 'b', PORT: 'abc' })).toHaveLength(2);
  });

  it('says its fault once', () => {
    expect(faults({ HOST: 'b', PORT: '2' })).toEqual(['HOST: is open', 'PORT: is taken at b']);
  });
});

describe('describeConfig', () => {
  it('lists every setting with its default as one writes it', () => {
    expect(describeConfig(schema)).toEqual([
      { name: 'ENTREPOT_PORT', default: '5050', required: false, description: 'Where to listen' },
      { name: 'ENTREPOT_STORE_LIMIT', default: undefined, required: false, description: 'Most bytes kept' },
      { name: 'ENTREPOT_GRACE_MS', default: '600000', required: false, description: 'Time' },
      { name: 'ENTREPOT_REDIRECT', default: 'off', required: false, description: 'Redirects' },
      { name: 'ENTREPOT_LOG_LEVEL', default: 'log', required: false, description: 'Level' },
      { name: 'DATABASE_URL', default: undefined, required: true, description: 'Database' },
    ]);
  });
});
