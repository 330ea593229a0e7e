import fc from 'fast-check';
import type { OperationKind } from '#contracts/operation';

/** Who dies while something is done: at a durable step if that is passed, or after so many milliseconds. */
export type Death =
  | { readonly replica: string; readonly point: string }
  | { readonly replica: string; readonly afterMs: number };

/** By which gateway, or by a message; and who dies meanwhile. */
export interface How {
  readonly by: 'a' | 'b' | 'message';
  readonly death: Death | null;
}

const REPLICAS = ['metadata-a', 'metadata-b', 'gateway-a', 'gateway-b', 'gc-a', 'gc-b', 'fetcher', 'blobs'];

const ACCEPTS = ['metadata.accept-operation'];
const PULLS = [
  ...['metadata.claim-operations', 'metadata.resolve-operation', 'metadata.commit-manifest', 'metadata.claim-fills'],
  ...['metadata.open-session', 'metadata.take-session', 'metadata.commit-extent', 'metadata.finish-session'],
  ...['metadata.complete-pull', 'metadata.take-configs', 'metadata.record-configs'],
];
const STEPS: Partial<Record<OperationKind, readonly string[]>> = {
  pull: PULLS,
  'container-create': PULLS,
  prune: ['metadata.prune-images', 'metadata.claim-operations'],
  remove: ['metadata.review-manifest', 'metadata.review-blobs'],
};
export const COLLECTS = [
  ...['metadata.review-manifest', 'metadata.review-blobs', 'metadata.forget-lapsed', 'metadata.end-objects'],
  ...['metadata.claim-purges', 'metadata.forget-objects', 'metadata.forget-pulls', 'metadata.end-collection'],
];

/** Mostly nobody. */
export function anyDeath(steps: readonly string[], ofBlobs: readonly string[]): fc.Arbitrary<Death | null> {
  const side = fc.constantFrom('before', 'after');
  const at = (replicas: readonly string[], points: readonly string[]) =>
    fc
      .tuple(fc.constantFrom(...replicas), fc.constantFrom(...points), side)
      .map(([replica, point, when]) => ({ replica, point: `${point}:${when}` }));
  return fc.oneof(
    { weight: 12, arbitrary: fc.constant(null) },
    { weight: 2, arbitrary: at(['metadata-a', 'metadata-b'], steps) },
    { weight: 1, arbitrary: at(['blobs'], ofBlobs) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(fc.constantFrom(...REPLICAS), fc.nat(120))
        .map(([replica, afterMs]) => ({ replica, afterMs })),
    },
  );
}

export function howAsked(
  kind: OperationKind,
  ways: readonly How['by'][] = ['a', 'b', 'a', 'b', 'message'],
): fc.Arbitrary<How> {
  const death = anyDeath([...ACCEPTS, ...(STEPS[kind] ?? [])], ['blobs.fsync-extent']);
  return fc.record({ by: fc.constantFrom(...ways), death });
}
