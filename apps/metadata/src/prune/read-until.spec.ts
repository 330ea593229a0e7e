import { readUntil } from './read-until';

describe('until', () => {
  it.each([
    ['36h', { forMs: 36 * 3_600_000 }],
    ['2w', { forMs: 14 * 86_400_000 }],
    ['1d12h', { forMs: 36 * 3_600_000 }],
    ['0s', { forMs: 0 }],
    ['90m', { forMs: 5_400_000 }],
    ['2026-01-31', { since: '2026-01-31T00:00:00.000Z' }],
    ['2026-01-31T10:00:00+02:00', { since: '2026-01-31T08:00:00.000Z' }],
  ])('%s', (text, meant) => {
    expect(readUntil(text)).toEqual(meant);
  });

  it.each(['36501d', '99999d99999d', '2026-13-01', '2026-02-30', '2026-02-30T00:00:00Z', '2026-01-01T25:00:00Z'])(
    '%s is refused, naming the field',
    (text) => {
      expect(() => readUntil(text)).toThrow(
        expect.objectContaining({ code: 'INVALID', detail: expect.objectContaining({ field: 'until' }) }),
      );
    },
  );
});
