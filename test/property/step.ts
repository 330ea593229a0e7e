import type fc from 'fast-check';
import type { How } from './how';
import type { Life } from './life';
import type { Model } from './model';
import type { Names } from './names';
import type { Told } from './request';

export interface Step {
  readonly label: string;
  run(life: Life): Promise<void>;
}

/** What is asked of the services; the model says before what should come of it. */
export function requestStep(label: string, how: How, tell: (model: Model, names: Names) => Told): Step {
  const { by, death } = how;
  const dies =
    death === null ? '' : `, and ${death.replica} dies ${'point' in death ? death.point : `after ${death.afterMs} ms`}`;
  return {
    label: `${label} (${by}${dies})`,
    run: (life) => life.ask(tell(life.model, life.names), how),
  };
}

/** A step as fast-check runs, prints and shrinks it. */
export class Command implements fc.AsyncCommand<Model, Life> {
  constructor(private readonly step: Step) {}

  check(): boolean {
    return true;
  }

  async run(_model: Model, life: Life): Promise<void> {
    await life.live(this.step.label, (each) => this.step.run(each));
  }

  toString(): string {
    return this.step.label;
  }
}
