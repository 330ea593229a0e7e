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
    connections: z.array(z.object({ cid: z.number(), authorized_user: z.string().default('') })).nullish(),
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
    for await (const answer of await askAll(connection, 'PING', 0)) {
      for (let page = read(answer), offset = 0; page; offset += PAGE) {
        cut += await cutOf(connection, page, mayStay);
        if (page.total <= offset + PAGE) break;
        page = read(await connection.request(subjectOf(page.server_id), query(offset + PAGE), TIMES));
      }
    }
    return cut;
  }
}

const TIMES = { timeout: ANSWER_WITHIN_MS };
const subjectOf = (server: string) => `$SYS.REQ.SERVER.${server}.CONNZ`;
const query = (offset: number) => JSON.stringify({ acc: PRINCIPALS, auth: true, limit: PAGE, offset, sort: 'cid' });

function askAll(connection: NatsConnection, server: string, offset: number): Promise<AsyncIterable<Msg>> {
  const options = { strategy: 'stall', maxWait: ANSWER_WITHIN_MS, stall: STALL_MS } as const;
  return connection.requestMany(subjectOf(server), query(offset), options);
}

/** Undefined for what is no answer to it: an error of the server, or a status without a body. */
function read(answer: Msg): Page | undefined {
  if (answer.data.length === 0) throw unavailable('the list of connections of NATS');
  return ConnectionsSchema.safeParse(answer.json()).data?.data;
}

async function cutOf(
  connection: NatsConnection,
  { server_id, connections }: Page,
  mayStay: (users: readonly string[]) => Promise<ReadonlySet<string>>,
): Promise<number> {
  const users = [...new Set((connections ?? []).map(({ authorized_user }) => authorized_user))];
  if (users.length === 0) return 0;
  const staying = await mayStay(users);
  const going = (connections ?? []).filter(({ authorized_user }) => !staying.has(authorized_user));
  for (const { cid } of going) {
    await connection.request(`$SYS.REQ.SERVER.${server_id}.KICK`, JSON.stringify({ cid }), TIMES);
  }
  return going.length;
}
