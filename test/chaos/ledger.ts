import type { Operation, OperationKind } from '#contracts/operation';
import type { Image } from './contents';

/** A request that was answered with how it ended. */
export interface Ended {
  readonly kind: OperationKind;
  readonly key: string;
  readonly body: object;
  readonly operation: Operation;
  readonly byMessage: boolean;
}

export interface Container {
  readonly image: Image;
  readonly repository: string;
}

/** What one client was told, in its own words: whatever died, this is so from then on. */
export class Ledger {
  readonly ended: Ended[] = [];
  /** `repository:tag` of what must be answered; null where the name was taken away for good. */
  readonly tags = new Map<string, Image | null>();
  /** By the trash's ids: what can be had back. */
  readonly trash = new Map<string, { readonly name: string; readonly image: Image }>();
  readonly containers = new Map<string, Container>();
  reported: ReadonlyMap<string, Container> = new Map();
  /** Whole images that were read and were right. */
  reads = 0;
  bytesRead = 0;

  /** Names that are there. */
  get named(): [name: string, image: Image][] {
    return [...this.tags].flatMap(([name, image]) => (image ? [[name, image] as [string, Image]] : []));
  }

  uses(repository: string, image: Image): boolean {
    return [...this.containers.values(), ...this.reported.values()].some(
      (each) => each.repository === repository && each.image.digest === image.digest,
    );
  }
}
