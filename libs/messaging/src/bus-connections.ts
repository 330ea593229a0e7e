import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { isRegistryError, unavailable } from '#oci/registry-error';
import type { Bus } from './bus';
import { PRINCIPALS } from './principal-rights';

const PAGE = 1_024;
const ANSWER_WITHIN_MS = 3_000;
/** Of several servers each answers for itself: none is waited for longer than this after another one. */
const STALL_MS = 500;

const ConnectionsSchema = z.object({
  data: z.object({
    server_id: z.string(),
    total: z.number(),
    connections: z
      .array(z.object({ cid: z.number(), authorized_user: z.string().default(''), account: z.string().default('') }))
      .nullish(),
  }),
});
type Page = z.output<typeof ConnectionsSchema>['data'];

/** The connections of the users that are made at run time, on every server of the bus. */
export class BusConnections {
  constructor(private readonly bus: Bus) {}

  /**
   * Ends those whose users `mayStay` does not name, and answers how many. Throws UNAVAILABLE without NATS, and where
   * the server does not let us ask.
   */
  async cut(mayStay: (users: readonly string[]) => Promise<ReadonlySet<string>>): Promise<number> {
    const connection = this.bus.link.current();
    if (!connection) throw unavailable('NATS', 1);
    try {
      return await this.cutAll(connection, mayStay);
    } catch (error) {
      throw isRegistryError(error) ? error : unavailable('NATS', 1, error);
    }
  }

  private async cutAll(
    connection: NatsConnection,
    mayStay: (users: readonly string[]) => Promise<ReadonlySet<string>>,
  ): Promise<number> {
    let cut = 0;
    for (let offset = 0, isMore = true; isMore; offset += PAGE) {
      isMore = false;
      for await (const answer of await askAll(connection, offset)) {
        const page = read(answer);
        if (!page) continue;
        cut += await cutOf(connection, page, mayStay);
        isMore ||= page.total > offset + PAGE;
      }
    }
    return cut;
  }
}

const TIMES = { timeout: ANSWER_WITHIN_MS };

function askAll(connection: NatsConnection, offset: number): Promise<AsyncIterable<Msg>> {
  const query = JSON.stringify({ acc: PRINCIPALS, auth: true, limit: PAGE, offset, sort: 'cid' });
  const options = { strategy: 'stall', maxWait: ANSWER_WITHIN_MS, stall: STALL_MS } as const;
  return connection.requestMany('$SYS.REQ.SERVER.PING.CONNZ', query, options);
}

/** Undefined for what is no answer to it: an error of the server. */
function read(answer: Msg): Page | undefined {
  if (answer.data.length === 0) throw unavailable('the list of connections of NATS');
  return ConnectionsSchema.safeParse(answer.json()).data?.data;
}

async function cutOf(
  connection: NatsConnection,
  { server_id, connections }: Page,
  mayStay: (users: readonly string[]) => Promise<ReadonlySet<string>>,
): Promise<number> {
  // Where the server does not let us ask for these, it answers about our own account.
  const theirs = (connections ?? []).filter(({ account }) => account === PRINCIPALS);
  const users = [...new Set(theirs.map(({ authorized_user }) => authorized_user))];
  if (users.length === 0) return 0;
  const staying = await mayStay(users);
  const going = theirs.filter(({ authorized_user }) => !staying.has(authorized_user));
  for (const { cid } of going) {
    await connection.request(`$SYS.REQ.SERVER.${server_id}.KICK`, JSON.stringify({ cid }), TIMES);
  }
  return going.length;
}
