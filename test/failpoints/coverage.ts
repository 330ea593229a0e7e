/** What was died at so far, at all places together. */
export interface Coverage {
  /** Steps that some path owns. */
  readonly owned: ReadonlySet<string>;
  readonly died: Set<string>;
}
