import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningNatsServer, startNatsServer } from '#children/nats-server';

/** A nats-server of its own for one spec file, on one port whatever happens to it. */
export class TestBroker {
  private constructor(
    private readonly folder: string,
    private server: RunningNatsServer,
  ) {}

  static async start(): Promise<TestBroker> {
    const folder = await mkdtemp(join(tmpdir(), 'entrepot-bus-'));
    return new TestBroker(folder, await startNatsServer({ folder }));
  }

  get url(): string {
    return this.server.url;
  }

  get anonymousUrl(): string {
    return this.server.anonymousUrl;
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.server.kill();
  }

  /** Starts a killed one on the same port and store. */
  async restart(): Promise<void> {
    this.server = await startNatsServer({ folder: this.folder, port: this.server.port });
  }

  /** Every stream and consumer of a killed server is gone. */
  async wipe(): Promise<void> {
    await rm(join(this.folder, 'jetstream'), { recursive: true, force: true });
  }

  /** What a killed server has stored, as a backup of its folder has it. */
  async copy(): Promise<void> {
    await cp(join(this.folder, 'jetstream'), join(this.folder, 'backup'), { recursive: true });
  }

  /** A killed server finds what was copied, and nothing that came since. */
  async putBack(): Promise<void> {
    await this.wipe();
    await cp(join(this.folder, 'backup'), join(this.folder, 'jetstream'), { recursive: true });
  }

  async stop(): Promise<void> {
    await this.server.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Resolves when `holds` does, asked often; fails after `withinMs` and says what it waited for. */
export async function until(what: string, holds: () => unknown, withinMs = 20_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
