import { NatsWire } from '#testing/nats-wire';
import type { Path } from '../path';

interface Made {
  readonly principal: string;
  readonly password: string;
}

/** A user of the bus is made, asks, and is deleted; one whose maker was never answered is deleted and made again. */
export const busUser: Path = {
  name: 'a user of the bus',
  place: 'folder',
  owns: ['metadata.create-bus-user', 'metadata.delete-bus-user'],
  async prepare(victim) {
    const name = victim.newKey('user');
    const path = '/api/v1/bus-users';
    const gone = async () => {
      const { status, text } = await victim.ask('DELETE', `${path}/${name}`);
      if (status !== 204 && status !== 404) throw new Error(`DELETE ${path}/${name}: ${status} ${text}`);
    };
    const run = async () => {
      await gone();
      const { status, text, json } = await victim.ask('POST', path, { name });
      if (status !== 201) throw new Error(`POST ${path}: ${status} ${text}`);
      const { principal, password } = json as Made;
      const { port } = new URL(victim.program.natsUrl);
      const login = () => NatsWire.connect(`nats://${principal}:${password}@127.0.0.1:${port}`, `_INBOX_${principal}`);
      const wire = await victim.until('it logs in', login);
      wire.close();
      await gone();
      const again = await login().catch(() => null);
      again?.close();
      if (again) throw new Error('it was deleted, and came in again');
    };
    return { run, ends: run };
  },
};
