import { createServer } from 'node:net';
import { StartFault } from '#config/start-fault';

/** Finds out before anything is started whether we may listen there. Throws StartFault, naming the setting. */
export function checkPort(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => reject(new StartFault(explain(host, port, error))));
    server.listen(port, host, () => server.close(() => resolve()));
  });
}

function explain(host: string, port: number, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${host} is taken. Set ENTREPOT_PORT to another.`;
    case 'EACCES':
      return `This user may not listen on port ${port}. Set ENTREPOT_PORT to one from 1024 up.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `ENTREPOT_HOST: ${host} is no address of this machine.`;
    default:
      return `Cannot listen on ${host}, port ${port}: ${error.message}`;
  }
}
