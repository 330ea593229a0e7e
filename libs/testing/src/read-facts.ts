import { NatsWire } from './nats-wire';

export interface ReadFact {
  readonly id: string;
  readonly type: string;
  /** Of the aggregate. */
  readonly subject: string;
  readonly revision: string;
  readonly data: { readonly operation?: string };
}

const READ = '$JS.API.DIRECT.GET.ENTREPOT_FACTS';
const PAGE = 1000;

/** The facts behind the first `read` ones of a stream that lost none, as anybody may read them, in their order. */
export async function readFacts(natsUrl: string, read: number): Promise<ReadFact[]> {
  const wire = await NatsWire.connect(natsUrl);
  try {
    const all: ReadFact[] = [];
    for (;;) {
      const from = { seq: read + all.length + 1, batch: PAGE, next_by_subj: 'entrepot.fact.>' };
      const page = (await wire.requestMany(READ, from)) as ReadFact[];
      all.push(...page);
      if (page.length < PAGE) return all;
    }
  } finally {
    wire.close();
  }
}
