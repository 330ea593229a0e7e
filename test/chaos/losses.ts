import { ListObjects } from '#contracts/calls/collection';
import type { AnswerOf } from '#contracts/define-call';
import { BlobLost } from '#contracts/facts';
import { eventually } from '#testing/eventually';
import { Random } from '#testing/random';
import { readFacts } from '#testing/read-facts';
import { Client } from './client';
import type { Image } from './contents';
import type { Surroundings } from './lane';
import type { Misfortune } from './misfortune';
import type { Stage } from './stage';

type ObjectRow = AnswerOf<typeof ListObjects>['objects'][number];

const PATH = 'unread/image';
const LAYERS = 8;
const WITHIN = { withinMs: 180_000, everyMs: 500 };
const AT_ONCE: Pick<Misfortune, 'lastsMs' | 'weight'> = { lastsMs: [0, 1], weight: 0.34 };

/** Blobs of an image that no client reads, which the store loses one by one: the scrub alone can find that. */
export class Losses {
  private readonly lost = new Map<string, { readonly digest: string }>();

  private constructor(
    private readonly around: Surroundings,
    private readonly image: Image,
  ) {}

  /** Pulls the image; undefined where the store loses nothing. */
  static async prepare(around: Surroundings): Promise<Losses | undefined> {
    const { stage, upstream, contents, seed } = around;
    if (!stage.lose) return undefined;
    const image = contents.makeOwn(Random.of(seed, PATH), PATH, LAYERS);
    contents.offer(PATH, '1', image);
    await stage.warehouse.completed(await stage.warehouse.pull(`${upstream.domain}/${PATH}:1`));
    return new Losses(around, image);
  }

  get misfortunes(): readonly (readonly [string, Misfortune])[] {
    return [['minio loses an object', { ...AT_ONCE, begin: () => this.lose(), end: async () => undefined }]];
  }

  /** Until all that was lost is here again. */
  async untilFound(): Promise<void> {
    const isBack = async () => {
      const live = new Map((await this.objects()).map((row) => [row.digest, row]));
      const missing = [...this.lost].filter(([object, { digest }]) => {
        const now = live.get(digest as ObjectRow['digest']);
        return now === undefined || now.lost || now.object === object;
      });
      if (missing.length > 0) throw new Error(JSON.stringify(missing));
      return true;
    };
    await eventually('what the store has lost is found and fetched again', isBack, WITHIN);
  }

  /** What is not as it must be then, in lines. */
  async faults(): Promise<string[]> {
    const facts = await readFacts(this.around.stage.warehouse.natsUrl, 0);
    const said = facts.filter(({ type }) => type === BlobLost.type) as { data: { object?: string; reason?: string } }[];
    const unsaid = [...this.lost.keys()].filter((object) => {
      const found = said.filter(({ data }) => data.object === object);
      return found.length !== 1 || !found[0]!.data.reason?.startsWith('scrub: ');
    });
    const others = said.filter(({ data }) => !this.lost.has(data.object ?? ''));
    return [
      ...unsaid.map((object) => `the store lost object ${object}, and the scrub did not say so once`),
      ...others.map((fact) => `the store lost nothing of ${JSON.stringify(fact)}`),
      ...(await this.unread()),
    ];
  }

  private async unread(): Promise<string[]> {
    const client = new Client(this.around.stage, 'losses');
    const stored = `${this.around.upstream.domain.replace(':', '_')}/${PATH}`;
    const read = this.image.blobs.map(({ digest }) =>
      client.read(`/v2/${stored}/blobs/${digest}`, digest).then(
        () => [],
        (error: Error) => [error.message],
      ),
    );
    return (await Promise.all(read)).flat();
  }

  /** One that is whole; where all are lost already, none. */
  private async lose(): Promise<void> {
    const layers = this.image.blobs.slice(1).map(({ digest }) => digest);
    const rows = await this.objects();
    const next = layers
      .map((digest) => rows.find((row) => row.digest === digest && !row.lost && !this.lost.has(row.object)))
      .find((row) => row !== undefined);
    if (!next) return;
    this.lost.set(next.object, { digest: next.digest! });
    const keys = next.extents.flatMap(({ key }) => key ?? []);
    await eventually(
      'the store loses an object',
      () =>
        this.around.stage.lose!(keys).then(
          () => true,
          () => false,
        ),
      WITHIN,
    );
  }

  private objects(): Promise<ObjectRow[]> {
    return eventually('the objects are listed', () => liveObjects(this.around.stage).catch(() => null), WITHIN);
  }
}

async function liveObjects(stage: Stage): Promise<ObjectRow[]> {
  return stage.call(async (calls) => {
    const all: ObjectRow[] = [];
    for (let after: string | undefined; ; ) {
      const { objects, next } = await calls.ask(ListObjects, { limit: 1000, ...(after ? { after } : {}) });
      all.push(...objects.filter(({ state }) => state === 'live'));
      if (next === null) return all;
      after = next;
    }
  });
}
