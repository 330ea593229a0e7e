import { RegistryError, upstreamFault } from '#oci/registry-error';

interface BlobAnswer {
  readonly status: number;
  header(name: string): string | undefined;
}

/**
 * Where the body of a 200, 206 or 416 begins, in bytes, asked for from `offset` of a blob of `size` bytes. A 200 is
 * the whole: an upstream may ignore a range. `undefined` where it serves ranges wrongly: ask it for the whole. Throws
 * SIZE_INVALID for a blob that is longer than promised, UPSTREAM for one that is encoded on the way or never whole.
 */
export function chooseBlobStart(
  registry: string,
  answer: BlobAnswer,
  offset: number,
  size: number,
): number | undefined {
  const encoding = answer.header('content-encoding') ?? 'identity';
  if (encoding !== 'identity')
    throw upstreamFault(registry, `it sent a blob encoded as ${encoding}, which was not asked for`);
  if (answer.status === 200) {
    refuseLonger(registry, Number(answer.header('content-length') ?? 0), size);
    return 0;
  }
  if (offset === 0) throw upstreamFault(registry, `it answered ${answer.status} to the question for a whole blob`);
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(answer.header('content-range') ?? '');
  if (answer.status !== 206 || range === null || Number(range[1]) !== offset) return undefined;
  refuseLonger(registry, range[3] === '*' ? Number(range[2]) + 1 : Number(range[3]), size);
  return offset;
}

function refuseLonger(registry: string, actual: number, size: number): void {
  if (actual <= size) return;
  const why = `upstream ${registry} has ${actual} bytes for a blob that the manifest says has ${size}`;
  throw new RegistryError('SIZE_INVALID', why, { detail: { registry, size, actual } });
}
