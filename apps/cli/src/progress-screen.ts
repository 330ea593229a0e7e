import { drawProgress } from './draw-progress';
import { RateMeter } from './rate-meter';
import type { SeenOperation } from './seen-operation';
import type { Terminal } from './terminal';

const REDRAW_MS = 1_000;

/** An operation as it goes, on a terminal and nowhere else: drawn over itself, and gone at its end. */
export class ProgressScreen {
  private readonly whole = new RateMeter();
  private readonly layers = new Map<string, RateMeter>();
  private readonly timer: NodeJS.Timeout | undefined;
  private operation: SeenOperation | undefined;
  private drawn = 0;

  constructor(private readonly terminal: Terminal) {
    if (this.isOn) this.timer = setInterval(() => this.draw(), REDRAW_MS);
  }

  show(operation: SeenOperation): void {
    this.operation = operation;
    const now = this.terminal.now();
    this.whole.see(now, operation.bytesDone);
    for (const { digest, done } of operation.layers) this.meter(digest).see(now, done);
    this.draw();
  }

  close(): void {
    clearInterval(this.timer);
    this.erase();
  }

  private get isOn(): boolean {
    const { env, isErrTerminal } = this.terminal;
    return isErrTerminal && !env.CI && env.TERM !== 'dumb';
  }

  private draw(): void {
    if (!this.isOn || !this.operation) return;
    const { columns, rows } = this.terminal;
    const now = this.terminal.now();
    const layers = new Map([...this.layers].map(([digest, meter]) => [digest, meter.rate(now)]));
    const lines = drawProgress(this.operation, { whole: this.whole.rate(now), layers }, columns, rows);
    this.erase();
    this.terminal.err(lines.map((line) => `${line}\n`).join(''));
    this.drawn = lines.length;
  }

  private erase(): void {
    if (this.drawn > 0) this.terminal.err(`\x1b[${this.drawn}A\x1b[0J`);
    this.drawn = 0;
  }

  private meter(digest: string): RateMeter {
    const meter = this.layers.get(digest) ?? new RateMeter();
    this.layers.set(digest, meter);
    return meter;
  }
}
