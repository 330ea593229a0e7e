/** Tells a person what a start does: a line for each step when it is done, with the time it took. */
export class StartSteps {
  constructor(
    private readonly say: (line: string) => void,
    private readonly now: () => number,
  ) {}

  /** Does one step; `done` says what came of it. */
  async step<Result>(name: string, work: () => Promise<Result>, done: (result: Result) => string): Promise<Result> {
    const began = this.now();
    const result = await work();
    const seconds = ((this.now() - began) / 1000).toFixed(1);
    this.say(`  ${name.padEnd(12)} ${done(result).padEnd(48)} ${seconds.padStart(6)} s`);
    return result;
  }

  /** A step that is going to take long. */
  note(name: string, text: string): void {
    this.say(`  ${name.padEnd(12)} ${text}`);
  }
}
