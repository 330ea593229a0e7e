import { z } from 'zod';
import { isCursorNumber, readTimeCursor } from './read-cursor';

const UUID = '0192f0c1-7c00-7000-8000-0000000000bb';

describe('a cursor', () => {
  it('is read as it was given', () => {
    expect(readTimeCursor(`-5.${UUID}`, z.uuid())).toEqual({ at: '-5', id: UUID });
  });

  it.each([
    `1.${'-'.repeat(36)}`,
    `-.${UUID}`,
    `.${UUID}`,
    `1.2.${UUID}`,
    '1.',
    '1',
    '',
    `-999999999999999999.${UUID}`,
    `999999999999999999.${UUID}`,
    `9223372036854775807.${UUID}`,
  ])('%j of another making is refused', (text) => {
    expect(() => readTimeCursor(text, z.uuid())).toThrow(
      expect.objectContaining({ code: 'INVALID', detail: expect.objectContaining({ field: 'after' }) }),
    );
  });

  it.each(['-62135596800000000', '0', '253402300799999999'])('%s microseconds are a time of Postgres', (text) => {
    expect(isCursorNumber(text)).toBe(true);
  });
});
