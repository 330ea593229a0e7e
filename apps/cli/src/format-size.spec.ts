import { formatRate, formatSize, parseSize } from './format-size';

describe('sizes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [9_994, '9.99 kB'],
    [9_996, '10.0 kB'],
    [29_123_456, '29.1 MB'],
    [1_234_567_890_123, '1.23 TB'],
    [-5, '0 B'],
  ])('%d bytes are shown as %s', (bytes, text) => expect(formatSize(bytes)).toBe(text));

  it('a rate is a size a second', () => expect(formatRate(1_500_000)).toBe('1.50 MB/s'));

  it.each([
    ['4096', 4096],
    ['500MB', 500_000_000],
    ['500mb', 500_000_000],
    ['1.5 GiB', 1_610_612_736],
    ['2k', 2000],
    ['1TiB', 2 ** 40],
  ])('%s is read', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each(['', 'MB', '-1', '1.5.2', '1e9', '1iB', '999999PB', '5 bytes', 'NaN'])('%j is no size', (text) =>
    expect(parseSize(text)).toBeUndefined(),
  );
});
