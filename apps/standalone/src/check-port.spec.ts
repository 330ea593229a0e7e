import { freePort } from '#children/free-port';
import { TcpServer } from '#testing/tcp-server';
import { checkPort } from './check-port';

describe('the port of the public face', () => {
  it('is named with its setting when it is taken', async () => {
    const holder = await TcpServer.start();
    const { port } = holder;
    await expect(checkPort('127.0.0.1', port)).rejects.toThrow(
      `Port ${port} on 127.0.0.1 is taken. Set ENTREPOT_PORT to another.`,
    );
    await holder.stop();
  });

  it('names the host when it is no address of this machine', async () => {
    await expect(checkPort('192.0.2.1', 0)).rejects.toThrow('ENTREPOT_HOST: 192.0.2.1 is no address of this machine.');
  });

  it('is left free when it is free', async () => {
    const port = await freePort();
    await checkPort('127.0.0.1', port);
    await checkPort('127.0.0.1', port);
  });
});
