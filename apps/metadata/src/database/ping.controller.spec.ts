import { type Metadata, openMetadata } from '../metadata.testing';
import { PingController } from './ping.controller';

describe('a ping', () => {
  let metadata: Metadata;
  beforeEach(async () => {
    metadata = await openMetadata();
  });
  afterEach(() => metadata?.stop());

  const ping = () => new PingController(metadata.database, metadata.hotClient).ping();

  it('is answered where Postgres answers', async () => {
    expect(await ping()).toEqual({});
  });

  it.each(['entrepot metadata', 'entrepot hot questions'])('outlives lost connections of %s', async (name) => {
    await ping();
    await metadata.database
      .read('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [name])
      .catch(() => undefined);
    expect(await ping()).toEqual({});
  });

  it('says that the database is away', async () => {
    await ping();
    await metadata.postgres.stop();
    await expect(ping()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('asks on the connections of pulls too', async () => {
    await metadata.hotClient.onApplicationShutdown();
    const away = jest.spyOn(metadata.hotClient, 'query').mockRejectedValue(new Error('lost'));
    await expect(ping()).rejects.toThrow('lost');
    away.mockRestore();
  });
});
