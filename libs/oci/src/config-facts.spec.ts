import { configFacts } from './config-facts';
import { parseImageConfig } from './image-config';

const facts = (config: object) => configFacts(parseImageConfig(Buffer.from(JSON.stringify(config))));

describe('what a config says that images are looked for by', () => {
  it('is its platform, its labels and when it was made', () => {
    const config = { os: 'linux', architecture: 'arm', variant: 'v7', created: '2026-01-02T03:04:05.123456789+01:00' };
    expect(facts({ ...config, config: { Labels: { team: 'red', empty: '' } } })).toEqual({
      platform: { os: 'linux', architecture: 'arm', variant: 'v7' },
      labels: { team: 'red', empty: '' },
      created: '2026-01-02T02:04:05.123Z',
    });
  });

  it('is nothing where it says nothing', () => {
    expect(facts({})).toEqual({ platform: null, labels: {}, created: null });
  });

  it.each([
    { os: 'linux', architecture: 'a/b' },
    { os: 'x'.repeat(65), architecture: 'amd64' },
    { os: 'linux', architecture: 'arm', variant: 'v\u00007' },
  ])('names no platform that is none: %j', (config) => {
    expect(facts(config).platform).toBeNull();
  });

  it.each(['yesterday', '', '0000-00-00T00:00:00Z', '-000001-01-01T00:00:00Z', '+275760-01-01T00:00:00Z'])(
    'keeps no date that is none: %s',
    (created) => {
      expect(facts({ created }).created).toBeNull();
    },
  );

  it('leaves out what no database keeps, and what is beyond measure', () => {
    const labels = {
      ok: 'yes',
      'nul\u0000': 'x',
      nul: '\u0000',
      half: '\ud800',
      ['k'.repeat(257)]: 'x',
      v: 'v'.repeat(4097),
    };
    expect(facts({ config: { Labels: labels } }).labels).toEqual({ ok: 'yes' });
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`l${n}`, String(n)]));
    expect(Object.keys(facts({ config: { Labels: many } }).labels)).toHaveLength(256);
    const large = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`l${n}`, 'x'.repeat(4000)]));
    expect(Object.keys(facts({ config: { Labels: large } }).labels)).toHaveLength(16);
  });
});
