import { randomBytes } from 'node:crypto';
import { ExtentBuffer } from './extent-buffer';

describe('the bytes of an extent in memory', () => {
  test.each([[[1]], [[3, 70_000, 5, 5, 16_383, 16_384, 1]], [[20_000, 20_000]], [Array(300).fill(1000)]])(
    'chunks of %j come out as they went in, from any position',
    (sizes: number[]) => {
      const buffer = new ExtentBuffer(500);
      const bytes = randomBytes(sizes.reduce((sum, size) => sum + size, 0));
      let at = 0;
      for (const size of sizes) {
        buffer.add(bytes.subarray(at, at + size));
        at += size;
      }
      expect([buffer.length, buffer.end]).toEqual([bytes.length, 500 + bytes.length]);
      expect(Buffer.concat(buffer.chunks).equals(bytes)).toBe(true);
      for (let position = 0; position < bytes.length; position += 997) {
        const piece = buffer.piece(500 + position)!;
        expect(piece.equals(bytes.subarray(position, position + piece.length))).toBe(true);
      }
      expect([buffer.piece(499), buffer.piece(buffer.end)]).toEqual([null, null]);
    },
  );

  test('small chunks share their memory, and a piece that was given stays as it was', () => {
    const buffer = new ExtentBuffer(0);
    buffer.add(Buffer.from('one'));
    const piece = buffer.piece(0)!;
    for (let times = 0; times < 1000; times += 1) buffer.add(Buffer.from('more'));
    expect(buffer.chunks).toHaveLength(1);
    expect(piece.toString()).toBe('one');
  });
});
