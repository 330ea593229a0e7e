import type { ContainerReportBody, ContainerReportOutcome } from '#contracts/bodies/container-report';
import { eventually } from '#testing/eventually';
import { PeerFault } from './http-peer';
import { Reporter } from './reporter';
import type { ReporterSettings } from './reporter-settings';
import type { Runtime, SeenContainer } from './runtime';
import type { SendReport } from './send-report';

const seen = (id: string, more: Partial<SeenContainer> = {}): SeenContainer => ({
  ...{ id, name: `n-${id}`, image: 'node:20', state: 'running', labels: {} },
  ...more,
});

/** A runtime that a test has do what it likes. */
class ScriptedRuntime implements Runtime {
  readonly title = 'the scripted engine';
  containers: SeenContainer[] = [seen('one')];
  isAway = false;
  watches = 0;
  private wake = () => {};

  async holder(): Promise<string> {
    return 'scripted:1';
  }

  async *changes(signal: AbortSignal): AsyncGenerator<void> {
    this.watches += 1;
    signal.addEventListener('abort', () => this.wake(), { once: true });
    for (;;) {
      if (this.isAway) throw new PeerFault('the scripted engine is away, token s3cret not said');
      yield;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      if (signal.aborted) return;
    }
  }

  async look(): Promise<SeenContainer[]> {
    return this.containers;
  }

  change(...containers: SeenContainer[]): void {
    this.containers = containers;
    this.wake();
  }

  goAway(): void {
    this.isAway = true;
    this.wake();
  }
}

const SETTINGS: ReporterSettings = {
  ...{ name: 'build-1', heartbeatMs: 60_000, leaseSeconds: 180, settleMs: 10, backoffMs: 20, attachMs: 5_000 },
  withdraw: false,
};

describe('a reporter', () => {
  let runtime: ScriptedRuntime;
  let reports: ContainerReportBody[];
  let said: string[];
  let refuse: (body: ContainerReportBody) => void;
  let stop: () => Promise<void>;
  let outcome: Partial<ContainerReportOutcome>;

  const send: SendReport = async (body) => {
    refuse(body);
    reports.push(structuredClone(body));
    const counts = { created: 0, changed: 0, removed: 0, kept: 0, unknown: [], unknownCount: 0, sequence: null };
    return { reporter: body.reporter, leasedUntil: new Date().toISOString(), ...counts, ...outcome };
  };

  function begin(more: Partial<ReporterSettings> = {}, now?: () => number): void {
    const ended = new AbortController();
    const reporter = new Reporter(runtime, send, { ...SETTINGS, ...more }, (line) => said.push(line), now);
    const running = reporter.run(ended.signal);
    stop = () => {
      ended.abort();
      return running;
    };
  }

  const idsOf = (body: ContainerReportBody | undefined) => body?.containers.map(({ id }) => id);
  const reported = (...ids: string[]) =>
    eventually(`${ids} are reported`, async () => String(idsOf(reports.at(-1))) === String(ids), { withinMs: 5_000 });

  beforeEach(() => {
    runtime = new ScriptedRuntime();
    [reports, said, outcome] = [[], [], {}];
    refuse = () => {};
    stop = async () => {};
  });
  afterEach(() => stop());

  it('says the whole set at once, under its name, its holder and its lease', async () => {
    begin();
    await reported('one');
    expect(reports).toMatchObject([{ reporter: 'build-1', holder: 'scripted:1', leaseSeconds: 180 }]);
    expect(said).toEqual(['reported 1 containers as build-1: 0 new, 0 changed, 0 gone']);
  });

  it('says a change soon, and several in one', async () => {
    begin({ settleMs: 100 });
    await reported('one');
    for (const count of [2, 3, 4]) runtime.change(...Array.from({ length: count }, (_, at) => seen(`c${at}`)));
    await reported('c0', 'c1', 'c2', 'c3');
    expect(reports).toHaveLength(2);
  });

  it('says what did not change at each heartbeat, and each report is newer than the one before', async () => {
    begin({ heartbeatMs: 40 });
    await eventually('five reports', async () => reports.length >= 5);
    const sequences = reports.map(({ sequence }) => sequence!);
    expect([...new Set(sequences)].sort((one, other) => one - other)).toEqual(sequences);
    expect(said).toHaveLength(1);
  });

  it('a change that changes nothing that is reported is not reported before the heartbeat', async () => {
    begin();
    await reported('one');
    runtime.change(seen('one'));
    runtime.change(seen('one'), seen('two'));
    await reported('one', 'two');
    expect(reports).toHaveLength(2);
  });

  it('says nothing while the runtime is away, as long as that lasts, and all of it after', async () => {
    begin({ heartbeatMs: 50 });
    await reported('one');
    runtime.goAway();
    await eventually('it is asked again', async () => runtime.watches >= 4);
    const before = reports.length;
    await eventually('and again', async () => runtime.watches >= 7);
    expect(reports).toHaveLength(before);
    runtime.isAway = false;
    runtime.containers = [seen('two')];
    await reported('two');
    expect(said.filter((line) => line.includes('is away'))).toHaveLength(1);
  });

  it('asks Entrepot again while that is away, ever more slowly, without watching anew', async () => {
    const attempts: number[] = [];
    refuse = () => {
      attempts.push(performance.now());
      if (attempts.length <= 4) throw new PeerFault('no answer from Entrepot');
    };
    begin({ backoffMs: 30 });
    await reported('one');
    const gaps = attempts.slice(1).map((at, index) => at - attempts[index]!);
    for (const [index, least] of [30, 60, 120, 240].entries()) expect(gaps[index]).toBeGreaterThanOrEqual(least - 5);
    expect(runtime.watches).toBe(1);
    expect(said.filter((line) => line.startsWith('no answer'))).toHaveLength(1);
  });

  it('changes do not shorten the wait for an Entrepot that is away', async () => {
    let attempts = 0;
    refuse = () => {
      attempts += 1;
      throw new PeerFault('no answer from Entrepot');
    };
    begin({ backoffMs: 2_000 });
    await eventually('the first attempt', async () => attempts === 1);
    for (let count = 0; count < 20; count += 1) {
      runtime.change(seen(`c${count}`));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(attempts).toBe(1);
  });

  it('goes on when another one has its name, and says so once', async () => {
    let isTaken = true;
    refuse = () => {
      if (isTaken) throw new PeerFault('another one reports as build-1', 409);
    };
    begin();
    await eventually('it is said', async () => said.length === 1);
    isTaken = false;
    await reported('one');
    expect(said[0]).toBe('another one reports as build-1; trying again');
  });

  it('finds its number again when its clock was set back', async () => {
    refuse = ({ sequence }) => {
      if (sequence! > 5_000_000) return;
      const about = {
        reporter: 'build-1',
        reason: 'stale',
        leasedUntil: new Date().toISOString(),
        sequence: 5_000_000,
      };
      throw new PeerFault('it is too old', 409, about);
    };
    begin({}, () => 1_000);
    await reported('one');
    expect(reports[0]!.sequence).toBe(5_000_001);
  });

  it('in the end lets its lease run out, or withdraws if it was told so', async () => {
    begin();
    await reported('one');
    await stop();
    expect(reports).toHaveLength(1);
    begin({ withdraw: true });
    await eventually('another report', async () => reports.length === 2);
    await stop();
    expect(reports.at(-1)).toMatchObject({ reporter: 'build-1', containers: [], leaseSeconds: 10 });
  });

  it('more than one request holds goes in parts; a divided one is in its new part before it leaves the old', async () => {
    const large = (count: number) =>
      Array.from({ length: count }, (_, at) => seen(`c${at}`, { image: 'i'.repeat(500) }));
    runtime.containers = large(1500);
    begin();
    await eventually('the first', async () => reports.length === 1);
    runtime.change(...large(3000));
    await eventually('both parts', async () => reports.length === 3);
    expect(reports.map(({ reporter }) => reporter)).toEqual(['build-1', 'build-1.1', 'build-1']);
    expect(new Set([...idsOf(reports[1])!, ...idsOf(reports[2])!]).size).toBe(3000);
    for (const report of reports) expect(Buffer.byteLength(JSON.stringify(report))).toBeLessThan(1024 * 1024);
    await stop();
  });

  it('an installation that takes less in one request is sent less', async () => {
    refuse = (body) => {
      if (JSON.stringify(body).length > 100_000) throw new PeerFault('the body may have at most 100000 bytes', 413);
    };
    runtime.containers = Array.from({ length: 1000 }, (_, at) => seen(`c${at}`, { image: 'i'.repeat(200) }));
    begin();
    await eventually('all are reported', async () => new Set(reports.flatMap((body) => idsOf(body)!)).size === 1000);
  });

  it('says whose image is not held, and says it once', async () => {
    outcome = { unknown: ['a:1', 'b:1', 'c:1', 'd:1'], unknownCount: 4 };
    begin({ heartbeatMs: 30 });
    await eventually('three reports', async () => reports.length >= 3);
    expect(said).toEqual([expect.stringContaining('of 4 the image is not held here: a:1, b:1, c:1, …')]);
  });

  it('once is one report, and fails where that fails', async () => {
    const once = () =>
      new Reporter(runtime, send, SETTINGS, (line) => said.push(line)).once(new AbortController().signal);
    await once();
    expect(reports).toHaveLength(1);
    refuse = () => {
      throw new PeerFault('no answer from Entrepot');
    };
    await expect(once()).rejects.toThrow('no answer');
    runtime.goAway();
    await expect(once()).rejects.toThrow('is away');
  });
});
