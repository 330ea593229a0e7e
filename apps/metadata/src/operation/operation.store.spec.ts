import { ANONYMOUS } from '#contracts/principal';
import type { Sql } from '../database/database';
import { anImage, fetchWhole, type Metadata, openMetadata } from '../metadata.testing';
import type { AskedOperation } from './operation.store';

describe('the same request', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata();
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(() => metadata?.stop());

  /** After its first statement, which found no such request, another one is done. */
  function meanwhile(other: () => Promise<unknown>): void {
    const transaction = metadata.database.transaction.bind(metadata.database);
    jest.spyOn(metadata.database, 'transaction').mockImplementationOnce((step, run) =>
      transaction(step, (sql) => {
        let statements = 0;
        const query: Sql['query'] = async (text, params) => {
          const rows = await sql.query(text, params);
          statements += 1;
          if (statements === 1) await other();
          return rows as never;
        };
        return run({ ...sql, query });
      }),
    );
  }

  it('to remove, asked twice at once, is done once and answered twice', async () => {
    await fetchWhole(metadata, 'docker.io/library/node', anImage(), { tag: '20' });
    const asked: AskedOperation = {
      principal: ANONYMOUS,
      requestId: 'k',
      kind: 'remove',
      body: { reference: 'node:20' },
    };
    const done: string[] = [];
    meanwhile(async () => done.push((await metadata.operations.accept(asked)).operation.id));
    const { operation, created } = await metadata.operations.accept(asked);
    expect({ created, id: operation.id, state: operation.state }).toEqual({
      created: false,
      id: done[0],
      state: 'completed',
    });
  });

  it('of which only the id is the same fails as it would alone', async () => {
    const asked = { principal: ANONYMOUS, requestId: 'other', kind: 'remove' as const };
    await fetchWhole(metadata, 'docker.io/library/node', anImage(), { tag: '21' });
    meanwhile(() => metadata.operations.accept({ ...asked, body: { reference: 'node:21' } }));
    const second = metadata.operations.accept({ ...asked, body: { reference: 'node:22' } });
    await expect(second).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});
