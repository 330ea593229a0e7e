import { loadConfig } from '#config/load-config';
import { MetadataConfigSchema } from './metadata.config';

const faults = (env: Record<string, string>) => {
  const { error } = MetadataConfigSchema.safeParse({ DATABASE_URL: 'postgres://me@host/db', ...env });
  return (error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
};

describe('the key that lets in users of the bus', () => {
  it('is said once: in the settings, or in a file', () => {
    const [text, file] = [{ ENTREPOT_NATS_ISSUER: 'SA1' }, { ENTREPOT_NATS_ISSUER_FILE: '/run/secrets/issuer' }];
    expect([faults({}), faults(text), faults(file)]).toEqual([[], [], []]);
    const both = 'ENTREPOT_NATS_ISSUER_FILE: must not be beside ENTREPOT_NATS_ISSUER: one of them';
    expect(faults({ ...text, ...file })).toEqual([both]);
    const env = { DATABASE_URL: 'postgres://me@host/db', ...text, ...file };
    expect(() => loadConfig(MetadataConfigSchema, env)).toThrow(both);
  });
});
