import type { FileHandle } from 'node:fs/promises';

/** Writes chunks at an offset: a disk that fills up takes a part of them, and is then given the rest. */
export async function writeAll(file: FileHandle, chunks: readonly Buffer[], offset: number): Promise<void> {
  let position = offset;
  let left = [...chunks];
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left, position);
    position += bytesWritten;
    left = after(left, bytesWritten);
  }
}

/** What is left of the chunks after their first bytes. */
function after(chunks: Buffer[], written: number): Buffer[] {
  let skip = written;
  const index = chunks.findIndex((chunk) => {
    if (skip < chunk.length) return true;
    skip -= chunk.length;
    return false;
  });
  return index < 0 ? [] : [chunks[index]!.subarray(skip), ...chunks.slice(index + 1)];
}
