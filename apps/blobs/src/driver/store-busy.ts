/** The store asks to be left alone for a while. */
export class StoreBusy extends Error {
  override readonly name = 'StoreBusy';

  constructor(
    readonly seconds: number,
    override readonly cause: unknown,
  ) {
    super(`the store wants to be asked again after ${seconds} s: ${String(cause)}`);
  }
}
