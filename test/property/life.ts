import type { PlanItem as ShownItem } from '#contracts/calls/plans';
import type { GcRun } from '#contracts/calls/runs';
import type { TrashEntry } from '#contracts/calls/trash';
import type { Why } from '#contracts/calls/why';
import { eventually } from '#testing/eventually';
import { Asking } from './asking';
import { Client } from './client';
import { Comparison } from './compare';
import type { Death, How } from './how';
import { Contents, IMAGES, type Image } from './images';
import { emptyModel, keyOf, type Model, type Name, type Plan, REPOSITORIES, TAGS } from './model';
import { Names } from './names';
import type { Told } from './request';
import { Stored } from './stored';
import { TIMES } from './times';
import type { Warehouse } from './warehouse';

export interface Departure {
  readonly repository: Name;
  readonly image: Image;
  /** In milliseconds since 1970. */
  readonly goesAt: number;
}

const SIDES = ['a', 'b'] as const;
let lives = 0;

/** One life of the warehouse, from nothing to nothing, beside the model of it. */
export class Life {
  readonly model: Model = emptyModel();
  readonly times = TIMES;
  readonly client: Client;
  private readonly asking: Asking;
  private readonly comparison: Comparison;
  private readonly stored: Stored;
  private steps = 0;

  private constructor(
    readonly warehouse: Warehouse,
    readonly contents: Contents,
    readonly names: Names,
    private readonly say: (line: string) => void,
  ) {
    this.client = new Client(warehouse);
    this.asking = new Asking(warehouse, this.client);
    this.comparison = new Comparison(this.client, this.model, names, contents);
    this.stored = new Stored(warehouse);
  }

  /** Begins with two repositories of an upstream, and nothing of them here. */
  static async begin(warehouse: Warehouse, say: (line: string) => void): Promise<Life> {
    lives += 1;
    const salt = `life${lives}`;
    const contents = new Contents(salt);
    const names = new Names(salt, warehouse.upstream.domain, warehouse.host, contents);
    const life = new Life(warehouse, contents, names, say);
    const upstreams = REPOSITORIES.slice(0, 2);
    contents.fill(
      warehouse.upstream,
      upstreams.map((name) => names.path(name)),
    );
    for (const [at, name] of upstreams.entries())
      for (const [nth, tag] of TAGS.entries()) {
        const image = IMAGES[(at * 2 + nth * 3) % IMAGES.length]!;
        life.model.upstreamTags.set(keyOf(name, tag), image);
        contents.tag(warehouse.upstream, names.path(name), tag, image);
      }
    return life;
  }

  /** A step, and after it all is as the model says. */
  async live(label: string, run: (life: Life) => Promise<void>): Promise<void> {
    this.steps += 1;
    const began = Date.now();
    await this.warehouse.clock.pass(TIMES.step);
    this.model.at = await this.warehouse.clock.now();
    await run(this);
    const dead = await this.warehouse.heal();
    await this.compare();
    const ended = dead.length > 0 ? `, ${dead.join(' and ')} started again` : '';
    this.say(
      `${this.names.path('local one').split('/')[0]} ${this.steps}: ${label} (${Date.now() - began} ms${ended})`,
    );
  }

  /** Has it done, and finds the outcome that the model said. */
  async ask(told: Told, how: How): Promise<void> {
    const outcome = await this.dying(how.death, () => this.asking.ask(told, how));
    expect({ asked: told.body, ...outcome }).toMatchObject({ asked: told.body, ...told.expected });
    if (outcome.state === 'completed') told.learn?.(outcome.outcome ?? {});
    if (told.body.now) await this.settled();
  }

  /** Somebody dies meanwhile, if it comes to that; all is well again after. */
  async dying<T>(death: Death | null, run: () => Promise<T>): Promise<T> {
    if (death === null) return run();
    const replica = this.warehouse.replica(death.replica);
    let killed: Promise<void> | undefined;
    if ('point' in death) await replica.arm(death.point);
    const timer =
      'afterMs' in death
        ? setTimeout(() => {
            killed = replica.kill();
          }, death.afterMs)
        : undefined;
    try {
      return await run();
    } finally {
      clearTimeout(timer);
      await killed;
      await this.warehouse.heal();
    }
  }

  /** Metadata is not there while this is done. */
  async away(run: () => Promise<void>): Promise<void> {
    const both = SIDES.map((side) => this.warehouse.replica(`metadata-${side}`));
    await Promise.all(both.map((replica) => replica.kill()));
    await run();
    await this.warehouse.heal();
  }

  /** Waits until all that is due is done. */
  async settled(): Promise<void> {
    const isSettled = async () => {
      await this.warehouse.revive();
      return this.stored.isSettled();
    };
    await eventually('all that is due is done', isSettled, { withinMs: 60_000, everyMs: 30 });
  }

  /** Both gateways say what the model says, and so do the rows and the store. */
  async compare(): Promise<void> {
    await this.learnTrash();
    await Promise.all(SIDES.map((side) => this.comparison.check(side)));
    await this.comparison.checkReasons(SIDES[this.steps % 2]!);
    await this.stored.check(this.model, this.contents);
  }

  /** A prune says not which entries of the trash it made. */
  private async learnTrash(): Promise<void> {
    if (this.model.trash.every(({ id }) => id !== '')) return;
    const listed = await this.client.get<TrashEntry[]>('a', '/api/v1/trash?limit=1000');
    for (const entry of this.model.trash.filter(({ id }) => id === '')) {
      const found = listed.find(
        ({ id, repository, digest, tags }) =>
          !this.model.trash.some((each) => each.id === id) &&
          this.names.nameOf(repository) === entry.repository &&
          this.contents.nameOf(digest) === entry.image &&
          [...tags].sort().join() === entry.tags.join(),
      );
      if (found) entry.id = found.id;
    }
  }

  /** The images that go by themselves and the times that are said of it, the first of them first. */
  async departures(): Promise<Departure[]> {
    const shown = REPOSITORIES.flatMap((repository) =>
      [...this.model.repositories[repository].shown.keys()].map((image) => ({ repository, image })),
    );
    const all: Departure[] = [];
    for (const each of shown) {
      const { goesAt } = await this.client.get<Why>('a', this.whyPath(each));
      if (goesAt !== null) all.push({ ...each, goesAt: Date.parse(goesAt) });
    }
    return all.sort((one, other) => one.goesAt - other.goesAt);
  }

  async isThere(image: { repository: Name; image: Image }): Promise<boolean> {
    return (await this.client.send('b', 'GET', this.whyPath(image))).status === 200;
  }

  private whyPath({ repository, image }: { repository: Name; image: Image }): string {
    const reference = this.names.text({ by: 'digest', repository, image });
    return `/api/v1/why?reference=${encodeURIComponent(reference)}`;
  }

  /** A plan lists what the model would take, and what became of it. */
  async seesPlan(plan: Plan): Promise<void> {
    const { list } = await this.client.get<{ list: ShownItem[] }>('b', `/api/v1/plans/${plan.id}?limit=1000`);
    const shown = list.map(({ repository, digest, tags, state }) => ({
      ...{ repository: this.names.nameOf(repository), image: this.contents.nameOf(digest), tags, state },
    }));
    const expected = plan.items.map(({ repository, image, tags, state }) => ({ repository, image, tags, state }));
    expect(shown).toEqual(expect.arrayContaining(expected));
    expect(shown).toHaveLength(expected.length);
  }

  /** How often each of these was counted as pulled. */
  async pulls(name: Name, images: readonly Image[]): Promise<Map<Image, number>> {
    const rows = await this.warehouse.clock.database.read<{ digest: string; pulls: number }>(
      `SELECT pulled.digest, pulls FROM pull_count AS pulled JOIN repository ON repository.id = repository_id WHERE name = $1`,
      [this.names.stored(name)],
    );
    const known = new Map(rows.map(({ digest, pulls }) => [digest, pulls]));
    return new Map(images.map((image) => [image, known.get(this.contents.digests[image]) ?? 0]));
  }

  /** Waits until each was counted once more: gateways say it a moment later. */
  async counted(name: Name, before: ReadonlyMap<Image, number>): Promise<void> {
    await eventually('a pull is counted', async () => {
      const now = await this.pulls(name, [...before.keys()]);
      return [...before].every(([image, pulls]) => now.get(image)! > pulls);
    });
  }

  /** What each run of cleanup saw is what it took and what it left. */
  async checkRuns(): Promise<void> {
    const runs = await this.client.get<GcRun[]>('a', '/api/v1/gc/runs?limit=1000');
    const sums = runs.map(({ id, seen, removed, condemned, kept }) => ({
      id,
      seen,
      sum: Object.values(kept).reduce((sum, n) => sum + n, removed + condemned),
    }));
    expect(sums.filter(({ seen, sum }) => seen !== sum)).toEqual([]);
  }

  /** What is left in rows and in the store. */
  left(): Promise<Record<string, number>> {
    return this.stored.isEmpty();
  }
}
