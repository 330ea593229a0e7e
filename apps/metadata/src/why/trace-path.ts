import type { Link } from '../review/keep-reasons';

export interface Step {
  readonly digest: string;
  readonly via: 'root' | 'index' | 'subject';
}

/**
 * The shortest ways up from a manifest, for each that it stays for: from there down to it. The links may go in circles.
 */
export function tracePaths(links: readonly Link[], digest: string): Map<string, readonly Step[]> {
  const paths = new Map<string, readonly Step[]>([[digest, [{ digest, via: 'root' }]]]);
  const above = groupByBelow(links);
  for (const [below, path] of paths) {
    for (const link of above.get(below) ?? []) {
      if (paths.has(link.above)) continue;
      const [first, ...rest] = path;
      paths.set(link.above, [{ digest: link.above, via: 'root' }, { digest: first!.digest, via: link.via }, ...rest]);
    }
  }
  return paths;
}

function groupByBelow(links: readonly Link[]): Map<string, Link[]> {
  const groups = new Map<string, Link[]>();
  for (const link of links) groups.set(link.below, [...(groups.get(link.below) ?? []), link]);
  return groups;
}
