import { z } from 'zod';
import { type ConfigError, loadConfig } from '#config/load-config';
import { checkNatsLogin, NATS_SETTINGS, natsUrl } from './nats.config';

const schema = z.object({ NATS_URL: natsUrl().optional(), ...NATS_SETTINGS }).superRefine(checkNatsLogin);

function faults(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(schema, env);
    return [];
  } catch (error) {
    return (error as ConfigError).faults;
  }
}

describe('the settings of a login at the bus', () => {
  it.each([
    {},
    { NATS_URL: 'nats://a:4222,tls://b:4222' },
    { NATS_URL: 'nats://ann:p%40ss@a:4222' },
    { NATS_USER: 'ann', NATS_PASSWORD_FILE: '/run/password', NATS_CA: '/ca.pem' },
    { NATS_CREDS: '/creds', NATS_CERT: '/c.pem', NATS_KEY: '/k.pem' },
  ])('%j is one', (env) => {
    expect(faults(env)).toEqual([]);
  });

  it.each<[Record<string, string>, RegExp]>([
    [{ NATS_URL: 'http://a' }, /^NATS_URL: must be nats:\/\//],
    [{ NATS_URL: 'nats://a:4222,b' }, /^NATS_URL: must be nats:\/\//],
    [{ NATS_URL: 'nats://%zz@a' }, /^NATS_URL: must be nats:\/\//],
    [{ NATS_URL: 'nats://ann:secret@a', NATS_CREDS: '/c' }, /^NATS_CREDS: must not be beside .* NATS_URL says/],
    [{ NATS_NKEY: '/n', NATS_CREDS: '/c' }, /^NATS_CREDS: must not be beside .* NATS_NKEY says/],
    [{ NATS_USER: 'ann' }, /^NATS_USER: must go with NATS_PASSWORD/],
    [{ NATS_PASSWORD: 'secret' }, /^NATS_USER: must be set/],
    [{ NATS_USER: 'a', NATS_PASSWORD: 'secret', NATS_PASSWORD_FILE: '/p' }, /^NATS_PASSWORD_FILE: must not be beside/],
    [{ NATS_TOKEN: 'secret', NATS_TOKEN_FILE: '/t' }, /^NATS_TOKEN_FILE: must not be beside/],
    [{ NATS_CERT: '/c.pem' }, /^NATS_CERT: must go with NATS_KEY$/],
    [{ NATS_KEY: '/k.pem' }, /^NATS_KEY: must go with NATS_CERT$/],
  ])('%j is none, and it is said without a secret', (env, says) => {
    expect(faults(env)).toEqual([expect.stringMatching(says)]);
    expect(faults(env).join()).not.toContain('secret');
  });
});
