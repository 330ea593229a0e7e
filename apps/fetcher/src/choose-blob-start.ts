import { upstreamFault } from '#oci/registry-error';

interface BlobAnswer {
  readonly status: number;
  header(name: string): string | undefined;
}

/**
 * Where the body of a 200, 206 or 416 begins, in bytes, asked for from `offset` of a blob of `size` bytes. A 200 is
 * the whole: an upstream may ignore a range. Throws UPSTREAM for a part that is not the one asked for, for a blob that
 * is longer than promised, and for one that is encoded on the way.
 */
export function chooseBlobStart(registry: string, answer: BlobAnswer, offset: number, size: number): number {
  const encoding = answer.header('content-encoding') ?? 'identity';
  if (encoding !== 'identity')
    throw upstreamFault(registry, `it sent a blob encoded as ${encoding}, which was not asked for`);
  if (answer.status === 416)
    throw upstreamFault(registry, `it has fewer than the ${size} bytes that the manifest promises for a blob`);
  if (answer.status === 200) {
    refuseLonger(registry, lengthOf(answer), size);
    return 0;
  }
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(answer.header('content-range') ?? '');
  if (offset === 0 || range === null || Number(range[1]) !== offset) {
    throw upstreamFault(registry, `it answered with another part of a blob than bytes ${offset} and after`);
  }
  refuseLonger(registry, range[3] === '*' ? Number(range[2]) + 1 : Number(range[3]), size);
  return offset;
}

function lengthOf(answer: BlobAnswer): number {
  return Number(answer.header('content-length') ?? 0);
}

function refuseLonger(registry: string, actual: number, size: number): void {
  if (actual <= size) return;
  throw upstreamFault(registry, `it has ${actual} bytes for a blob that the manifest says has ${size}`, {
    detail: { registry, size, actual },
  });
}
