import type { NamedImage } from './operation-rows';

/** What an operation did in the transaction that took it in. */
export interface Done {
  readonly outcome: Record<string, unknown>;
  /** What its reference named, if that is an image. */
  readonly named?: NamedImage;
}
