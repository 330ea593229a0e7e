import { MomentSchema } from './moment';

describe('a moment', () => {
  it.each([
    ['2026-01-31T10:00:00+02:00', '2026-01-31T08:00:00.000Z'],
    ['2026-01-31T10:00:00.123456Z', '2026-01-31T10:00:00.123Z'],
    ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000Z'],
  ])('%s is %s', (text, meant) => {
    expect(MomentSchema.parse(text)).toBe(meant);
  });

  it.each([
    '0000-01-01T00:00:00Z',
    '0001-01-01T00:00:00+23:59',
    '1970-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '2026-02-30T00:00:00Z',
    '2026-01-31',
    'yesterday',
  ])('%s is none', (text) => {
    expect(MomentSchema.safeParse(text).success).toBe(false);
  });
});
