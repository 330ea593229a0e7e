import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { Logger } from '@nestjs/common';
import { makeAccountSeed } from '#children/account-key';
import { AuthCallout, readIssuer } from './auth-callout';
import type { Bus } from './bus';

type Listener = (error: Error | null, message: Msg) => void;

/** A server that asks whether to let in this user; settles with how it is answered, which may be too late for it. */
type Ask = (user: string, respond?: () => void) => Promise<void>;

function serverWhere(admits: (principal: string) => Promise<boolean>, now?: () => number): Ask {
  let listener: Listener = () => {};
  const connection = {
    subscribe: (_: string, { callback }: { callback: Listener }) => {
      listener = callback;
    },
  } as unknown as NatsConnection;
  const link = { onConnect: (tell: (to: NatsConnection, isNew: boolean) => void) => tell(connection, true) };
  new AuthCallout({ link } as unknown as Bus, readIssuer(makeAccountSeed(), 'ISSUER'), admits, now);
  return (user, respond = () => {}) =>
    new Promise((resolve) => {
      listener(
        null,
        questionAbout(user, () => {
          resolve();
          respond();
        }),
      );
    });
}

function questionAbout(user: string, respond: () => void): Msg {
  const nats = { user_nkey: 'UA', server_id: { id: 'NA' }, connect_opts: { user, pass: 'word' } };
  const claims = Buffer.from(JSON.stringify({ nats })).toString('base64url');
  return { string: () => `head.${claims}.signature`, respond } as unknown as Msg;
}

describe('answers about users of the bus', () => {
  beforeEach(() => jest.spyOn(Logger.prototype, 'warn').mockImplementation());
  afterEach(() => jest.restoreAllMocks());

  it('go on after answers that came too late for their connection, however many', async () => {
    const ask = serverWhere(async () => true);
    const closed = () => {
      throw new Error('closed connection');
    };
    await Promise.all([1, 2, 3, 4].map(() => ask('ann', closed)));
    await ask('ann');
  });

  it('are given to all who come back at once, but not to those whom the server has refused meanwhile', async () => {
    const looked: string[] = [];
    let [time, go] = [0, () => {}];
    const isFree = new Promise<void>((resolve) => {
      go = resolve;
    });
    const ask = serverWhere(
      async (user) => {
        looked.push(user);
        await isFree;
        return true;
      },
      () => time,
    );
    const early = Array.from({ length: 1_000 }, (_, at) => `u${at}`);
    for (const user of early) void ask(user);
    time = 5_000;
    const late = Array.from({ length: 1_000 }, (_, at) => ask(`v${at}`));
    go();
    await Promise.all(late);
    expect(looked.filter((user) => user.startsWith('u'))).toEqual(['u0', 'u1']);
    expect(looked).toHaveLength(1_002);
  });

  it('fill no log with the names that whoever is refused invents', async () => {
    const ask = serverWhere(async () => false);
    await Promise.all(['ann', 'bob', 'cat'].map((user) => ask(user)));
    expect(jest.mocked(Logger.prototype.warn).mock.calls).toEqual([['a login as ann was refused']]);
  });
});
