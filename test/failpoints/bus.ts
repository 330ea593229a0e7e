import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { NatsWire } from '#testing/nats-wire';
import type { Victim } from './victim';

interface StreamInfo {
  readonly state?: { readonly messages: number };
}

/** As a person without a name. */
export function withBus<T>(victim: Victim, run: (wire: NatsWire) => Promise<T>): Promise<T> {
  return through(victim, victim.program.natsUrl, run);
}

/** With the rights of the services. */
export async function withServiceBus<T>(victim: Victim, run: (wire: NatsWire) => Promise<T>): Promise<T> {
  const url = new URL(victim.program.natsUrl);
  url.username = 'entrepot';
  url.password = (await readFile(join(victim.program.data, 'nats', 'password'), 'utf8')).trim();
  return through(victim, url.href, run);
}

/** Waits until every request was taken in, or is a dead letter: none is delivered again. */
export async function untilTakenIn(victim: Victim): Promise<void> {
  await victim.until('no request waits on the bus', async () => {
    const info = await withServiceBus(victim, (wire) => wire.request('$JS.API.STREAM.INFO.ENTREPOT_REQUESTS', {}));
    return (info as StreamInfo).state?.messages === 0;
  });
}

/** The bus dies with the program only when the next one starts. */
async function through<T>(victim: Victim, url: string, run: (wire: NatsWire) => Promise<T>): Promise<T> {
  return victim.alive(async () => {
    const wire = await NatsWire.connect(url);
    try {
      return await run(wire);
    } finally {
      wire.close();
    }
  });
}
