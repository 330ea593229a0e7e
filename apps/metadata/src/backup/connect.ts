import { Client } from 'pg';
import { StartFault } from '#config/start-fault';

/** What values look like as text, whatever the server was told. */
const TEXTS = '-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=1 -c bytea_output=hex';

/** A connection for one long transaction, without the limits of those that serve. Throws StartFault. */
export async function connect(url: string): Promise<Client> {
  const client = new Client({
    connectionString: url,
    application_name: 'entrepot backup',
    options: TEXTS,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  // What is lost while a query waits is told to the query.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (error) {
    throw new StartFault(`The database cannot be used: ${(error as Error).message}`);
  }
}
