import type { ConfigError } from '#config/load-config';
import { loadConfig } from '#config/load-config';
import { readAll } from '#config/read-all';
import { ServiceConfigSchema } from '#service/service.config';
import { readWarehouseSettings, settingNames } from './read-settings';
import { StandaloneConfigSchema } from './standalone.config';

const HOUR = 3_600_000;

function faults(given: Record<string, string>): readonly string[] {
  const env = { DATABASE_URL: 'postgres://127.0.0.1/e', ENTREPOT_SECRET: 'A'.repeat(43), ...given };
  const more = [StandaloneConfigSchema, ServiceConfigSchema].flatMap(({ shape }) => Object.keys(shape));
  try {
    readAll([
      () => loadConfig(StandaloneConfigSchema, env, settingNames(more)),
      () => loadConfig(ServiceConfigSchema, env, settingNames(more)),
      () => readWarehouseSettings(env, more),
    ]);
    return [];
  } catch (error) {
    return (error as ConfigError).faults;
  }
}

describe('settings that do not go together are refused, and both are named', () => {
  test('the defaults go together', () => {
    expect(faults({})).toEqual([]);
  });

  test.each([
    ['ENTREPOT_PIN_WRITE_MS', 'ENTREPOT_PIN_MS', HOUR],
    ['ENTREPOT_BEAT_MS', 'ENTREPOT_AWAY_MS', 10_000],
  ])('%s must be less than %s', (lesser, greater, is) => {
    const fault = `${lesser}: must be less than ${greater} (${is}), and is ${is}`;
    expect(faults({ [lesser]: String(is), [greater]: String(is) })).toEqual([fault]);
    expect(faults({ [lesser]: String(is), [greater]: String(is + 1) })).toEqual([]);
  });

  test.each([
    ['ENTREPOT_LEASE_MS', 'ENTREPOT_QUIET_MS', 300_000],
    ['ENTREPOT_BACKOFF_MS', 'ENTREPOT_BACKOFF_LONGEST_MS', 1_000],
    ['ENTREPOT_READ_LEASE_AFTER_MS', 'ENTREPOT_GRACE_MS', 60_000],
    ['ENTREPOT_LONGEST_READ_MS', 'ENTREPOT_READ_LEASE_CAP_MS', HOUR],
    ['ENTREPOT_FIRST_EXTENT_BYTES', 'ENTREPOT_EXTENT_BYTES', 2 ** 24],
    ['ENTREPOT_EXTENT_BYTES', 'ENTREPOT_WRITE_MEMORY_BYTES', 2 ** 24],
    ['ENTREPOT_HOT_BLOB_BYTES', 'ENTREPOT_HOT_MEMORY_BYTES', 2 ** 20],
  ])('%s may be at most %s', (lesser, greater, is) => {
    const fault = `${lesser}: must be at most ${greater} (${is}), and is ${is + 1}`;
    expect(faults({ [lesser]: String(is + 1), [greater]: String(is) })).toContain(fault);
    expect(faults({ [lesser]: String(is), [greater]: String(is) })).toEqual([]);
  });

  test.each(['ENTREPOT_FETCH_RENEW_MS', 'ENTREPOT_COMPOSE_RENEW_MS'])(
    'a lease is renewed by half of it: %s',
    (renewal) => {
      expect(faults({ [renewal]: '15000' })).toEqual([
        `${renewal}: must be less than half of ENTREPOT_LEASE_MS (30000), and is 15000`,
      ]);
      expect(faults({ [renewal]: '14999' })).toEqual([]);
    },
  );

  test('two servers of one program listen on two ports', () => {
    const same = { ENTREPOT_PORT: '4222' };
    expect(faults(same)).toEqual(['ENTREPOT_NATS_PORT: must be another port than ENTREPOT_PORT']);
    expect(faults({ ...same, NATS_URL: 'nats://127.0.0.1:4223' })).toEqual([]);
    expect(faults({ ENTREPOT_PORT: '0', ENTREPOT_NATS_PORT: '0' })).toEqual([]);
  });
});

test.each(['abc', '-1', '1.5', '1e3', '0x10', 'NaN', '99999999999999999999', '\u0000', '{}'])(
  'whatever a setting is given, what it must be is said in plain words: %s',
  (value) => {
    const names = settingNames(
      [StandaloneConfigSchema, ServiceConfigSchema].flatMap(({ shape }) => Object.keys(shape)),
    );
    for (const name of names) {
      for (const fault of faults({ [name]: value })) {
        expect(fault).toMatch(/^[A-Z_0-9]+: (must|did you mean|listening|the minio store|no such setting)/);
        expect(fault).not.toMatch(/expected|received|invalid|too (small|big)|pattern/i);
      }
    }
  },
);
