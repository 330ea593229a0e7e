import { throughServices } from '#apps/standalone/src/running-program';
import type { Calls } from '#calls/calls';
import type { Settings } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { FiveServices, SERVICES, type ServiceName } from '#testing/five-services';
import type { ProgramExit } from '#testing/run-program';
import type { Program } from './program';

/** Five processes on servers that go on: of these the one dies that passes the point, and it alone is started again. */
export async function launchFive(settings: Settings): Promise<Program> {
  const program = new FiveProgram(await FiveServices.onServers());
  await program.relaunch(settings);
  return program;
}

class FiveProgram implements Program {
  readonly diesWhole = false;
  exited: Promise<ProgramExit> = new Promise(() => undefined);
  private settings: Settings = {};
  /** How much each had said when this life began. */
  private begun = new Map<ServiceName, number>();

  constructor(private readonly services: FiveServices) {}

  get url() {
    return this.services.url;
  }

  get processUrls() {
    return SERVICES.map((name) => this.services.addressOf(name));
  }

  get natsUrl() {
    return this.services.natsUrl;
  }

  get data() {
    return this.services.folder;
  }

  get log() {
    return this.services.log;
  }

  get errors() {
    return SERVICES.map((name) => this.services.stderrOf(name).slice(this.begun.get(name)));
  }

  async relaunch(settings: Settings) {
    const { services } = this;
    this.settings = settings;
    services.change(settings);
    const isDead = await Promise.all(SERVICES.map((name) => this.isDead(name)));
    for (const [n, name] of SERVICES.entries()) {
      if (isDead[n]) services.run(name);
      this.begun.set(name, services.stderrOf(name).length);
    }
    this.exited = Promise.race(SERVICES.map((name) => services.exitOf(name)));
  }

  /** Whoever was killed a moment ago may not be known to be over; whoever answers does not pass that point any more. */
  private isDead(name: ServiceName): Promise<boolean> {
    const { services } = this;
    const isKnown = async () => services.isOver(name) || (await fetch(`${services.addressOf(name)}/livez`)).ok;
    return eventually(`${name} answers or is over`, isKnown).then(() => services.isOver(name));
  }

  async kill() {
    await Promise.all(this.services.running.map((name) => this.services.kill9(name)));
  }

  /** As whoever runs them ends them; gives how the first one ended that did not end well. */
  async stop() {
    const exits = await this.services.endAll();
    return exits.find(({ code }) => code !== 0) ?? exits[0]!;
  }

  async destroy() {
    await this.kill();
    await this.services.destroy();
  }

  ask(...asked: Parameters<Program['ask']>) {
    return this.services.ask(...asked);
  }

  call<T>(run: (calls: Calls) => Promise<T>) {
    return throughServices({ ...this.services.environment, ...this.settings }, run);
  }
}
