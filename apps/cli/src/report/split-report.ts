import { createHash } from 'node:crypto';
import { MOST_REPORTED, type ReportedContainer } from '#contracts/bodies/container-report';
import { PeerFault } from './http-peer';

export const MOST_PARTS = 64;

/** Of the reporter's own name: a point and a number come behind it. */
export const LONGEST_BASE_NAME = 60;

export const partName = (name: string, part: number) => (part === 0 ? name : `${name}.${part}`);

/**
 * A set in as many parts as fit one request each: at least `least`, else twice as many, and so on. A container stays in
 * its part while their number stays; when it doubles, it stays or goes to a part that was not there before.
 */
export function splitReport(
  containers: readonly ReportedContainer[],
  { least, mostBytes }: { least: number; mostBytes: number },
): ReportedContainer[][] {
  const sizes = containers.map((container) => ({ container, bytes: Buffer.byteLength(JSON.stringify(container)) + 1 }));
  for (let count = least; count <= MOST_PARTS; count *= 2) {
    const parts = Array.from({ length: count }, () => ({ containers: [] as ReportedContainer[], bytes: 0 }));
    for (const { container, bytes } of sizes) {
      const part = parts[placeOf(container.id) % count]!;
      part.containers.push(container);
      part.bytes += bytes;
    }
    const fits = parts.every((part) => part.bytes <= mostBytes && part.containers.length <= MOST_REPORTED);
    if (fits) return parts.map((part) => part.containers);
  }
  throw new PeerFault(`${containers.length} containers are more than one reporter can say: report by several`);
}

const placeOf = (id: string) => createHash('sha256').update(id).digest().readUInt32BE(0);
