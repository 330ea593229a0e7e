import { randomUUID } from 'node:crypto';
import type { Operation } from '#contracts/operation';
import { eventually } from '#testing/eventually';
import { NatsWire } from '#testing/nats-wire';
import type { Client } from './client';
import type { How } from './how';
import type { Outcome, Told } from './request';
import type { Side, Warehouse } from './warehouse';

const WITHIN_MS = 60_000;
const ENDS = ['completed', 'failed', 'cancelled'];

/** Has operations done, by gateways and by messages. */
export class Asking {
  constructor(
    private readonly warehouse: Warehouse,
    private readonly client: Client,
  ) {}

  async ask({ kind, body }: Pick<Told, 'kind' | 'body'>, { by }: How): Promise<Outcome> {
    const request = randomUUID();
    if (by === 'message') {
      await this.publish(kind, body, request);
      return toOutcome(await this.ended('a', (side) => this.findOperation(side, kind, request)));
    }
    const { status, json } = await this.client.send(by, 'POST', '/api/v1/operations', { kind, ...body }, request);
    if (status === 202) {
      const { id } = json as Operation;
      return toOutcome(await this.ended(by, (side) => this.client.get<Operation>(side, `/api/v1/operations/${id}`)));
    }
    const { code = '', detail, about } = json as { code?: string; detail?: string; about?: { confirm?: string } };
    if (status === 412 && about?.confirm)
      return this.ask({ kind, body: { ...body, confirm: about.confirm } }, { by, death: null });
    return { state: 'failed', code, why: detail };
  }

  private ended(side: Side, read: (side: Side) => Promise<Operation | undefined>): Promise<Operation> {
    return eventually(
      'the end of an operation',
      async () => {
        await this.warehouse.revive();
        const operation = await read(side);
        return operation && ENDS.includes(operation.state) && operation;
      },
      { withinMs: WITHIN_MS, everyMs: 10 },
    );
  }

  private async publish(kind: string, body: object, request: string): Promise<void> {
    const wire = await NatsWire.connect(this.warehouse.natsUrl);
    const fault = await wire.publishWith({ 'Nats-Msg-Id': request }, `entrepot.request.${kind}`, JSON.stringify(body));
    wire.close();
    if (fault) throw new Error(fault);
  }

  private async findOperation(side: Side, kind: string, request: string): Promise<Operation | undefined> {
    const all = await this.client.get<Operation[]>(side, `/api/v1/operations?kind=${kind}&limit=10`);
    return all.find(({ requestId }) => requestId === request);
  }
}

function toOutcome({ state, error, outcome }: Operation): Outcome {
  if (state === 'completed') return { state, outcome: outcome ?? {} };
  return { state: 'failed', code: error?.code ?? state, why: error?.message };
}
