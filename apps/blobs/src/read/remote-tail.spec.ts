import { randomBytes } from 'node:crypto';
import { RemoteTail } from './remote-tail';

const KIB = 1024;
const bytes = randomBytes(1024 * KIB);

/** What a reader finds from `start` on. */
function found(tail: RemoteTail, start: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = start, piece = tail.piece(at); piece; piece = tail.piece(at)) {
    parts.push(piece);
    at += piece.length;
  }
  return Buffer.concat(parts);
}

describe('the tail of a writer elsewhere', () => {
  test('has what came, from where it began', () => {
    const tail = new RemoteTail(100);
    for (let at = 100; at < 700 * KIB; at += 10 * KIB) tail.add(bytes.subarray(at, at + 10 * KIB), 0, 1024 * KIB);
    expect(tail.piece(99)).toBeNull();
    expect(found(tail, 100).equals(bytes.subarray(100, tail.end))).toBe(true);
    expect(found(tail, 300 * KIB + 7).equals(bytes.subarray(300 * KIB + 7, tail.end))).toBe(true);
  });

  test('holds no more than it may, however little is committed', () => {
    const tail = new RemoteTail(0);
    for (let at = 0; at < bytes.length; at += 7 * KIB) {
      tail.add(bytes.subarray(at, at + 7 * KIB), 0, 512 * KIB);
      expect(tail.held).toBeLessThanOrEqual(512 * KIB);
    }
    expect(tail.piece(0)).toBeNull();
    expect(found(tail, tail.end - 200 * KIB).equals(bytes.subarray(tail.end - 200 * KIB))).toBe(true);
  });

  test('lets go of what is committed', () => {
    const tail = new RemoteTail(0);
    for (let at = 0; at < bytes.length; at += 64 * KIB) tail.add(bytes.subarray(at, at + 64 * KIB), at, 1024 * KIB);
    expect(tail.held).toBeLessThanOrEqual(512 * KIB);
  });
});
