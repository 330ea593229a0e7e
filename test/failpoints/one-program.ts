import { throughRunning } from '#apps/standalone/src/running-program';
import type { Calls } from '#calls/calls';
import { Entrepot, type Settings } from '#testing/entrepot';
import type { Program } from './program';

/** The standalone program on a data folder of its own. */
export async function launchOne(settings: Settings): Promise<Program> {
  return new OneProgram(await Entrepot.launch(settings));
}

class OneProgram implements Program {
  readonly diesWhole = true;

  constructor(private readonly entrepot: Entrepot) {}

  get url() {
    return this.entrepot.url;
  }

  get processUrls() {
    return [this.entrepot.url];
  }

  get natsUrl() {
    return this.entrepot.natsUrl;
  }

  get data() {
    return this.entrepot.data;
  }

  get log() {
    return this.entrepot.log;
  }

  get errors() {
    return [this.entrepot.stderr];
  }

  get exited() {
    return this.entrepot.exited;
  }

  async relaunch(settings: Settings) {
    this.entrepot.relaunch(settings);
  }

  kill() {
    return this.entrepot.kill9();
  }

  stop() {
    return this.entrepot.stop();
  }

  destroy() {
    return this.entrepot.destroy();
  }

  ask(...asked: Parameters<Program['ask']>) {
    return this.entrepot.ask(...asked);
  }

  call<T>(run: (calls: Calls) => Promise<T>) {
    return throughRunning(this.entrepot.data, run);
  }
}
