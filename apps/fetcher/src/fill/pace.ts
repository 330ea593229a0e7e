/** How fast one fill's bytes come from its upstream, judged over one window after another. */
export class Pace {
  /** In the last window fewer bytes came than the floor asks for. */
  isSlow = false;
  /** It is we who take no more at the moment: that is no upstream's slowness. */
  isHeldUp = false;
  private received = 0;

  constructor(private readonly floorBytes: number) {}

  add(bytes: number): void {
    this.received += bytes;
  }

  /** A window has passed. */
  judge(): void {
    this.isSlow = this.received < this.floorBytes && !this.isHeldUp;
    this.received = 0;
  }
}
