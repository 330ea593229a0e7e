import { z } from 'zod';
import { atMost, lessThan, renewsInTime } from './compare-settings';
import { type ConfigError, loadConfig } from './load-config';
import { milliseconds } from './whole-number';

const schema = z
  .object({
    WRITE_MS: milliseconds(5),
    PIN_MS: milliseconds(10),
    RENEW_MS: milliseconds(4),
    LEASE_MS: milliseconds(30),
  })
  .refine(...lessThan('WRITE_MS', 'PIN_MS'))
  .refine(...renewsInTime('RENEW_MS', 'LEASE_MS'))
  .refine(...atMost('PIN_MS', 'LEASE_MS'));

function faults(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(schema, env);
    return [];
  } catch (error) {
    return (error as ConfigError).faults;
  }
}

describe('two settings that do not go together', () => {
  test.each([
    [{}, []],
    [{ PIN_MS: '5' }, ['WRITE_MS: must be less than PIN_MS (5), and is 5']],
    [{ WRITE_MS: '11' }, ['WRITE_MS: must be less than PIN_MS (10), and is 11']],
    [{ RENEW_MS: '15' }, ['RENEW_MS: must be less than half of LEASE_MS (30), and is 15']],
    [{ RENEW_MS: '14', PIN_MS: '30' }, []],
    [{ PIN_MS: '31' }, ['PIN_MS: must be at most LEASE_MS (30), and is 31']],
  ])('are both named: %j', (env, expected) => {
    expect(faults(env)).toEqual(expected);
  });

  test('are compared although a third one has a fault', () => {
    expect(faults({ LEASE_MS: 'soon', PIN_MS: '1' })).toEqual([
      'LEASE_MS: must be a whole number, from 1 to 2147483647, and is "soon"',
      'WRITE_MS: must be less than PIN_MS (1), and is 5',
    ]);
  });
});
