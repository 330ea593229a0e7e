import { readyScreen } from './ready-screen';

const ready = {
  version: '1.2.3',
  url: 'http://127.0.0.1:5050',
  bus: { url: 'nats://127.0.0.1:4222', isOurs: true, fault: null },
  dataFolder: '/data',
  tookMs: 2340,
  bold: false,
};

describe('the ready screen', () => {
  it('says where to go and what to try', () => {
    expect(readyScreen(ready)).toBe(`
Entrepot 1.2.3 is ready after 2.3 s.
  registry and API         http://127.0.0.1:5050
  page of the API          http://127.0.0.1:5050/api
  messages                 nats://127.0.0.1:4222
  data                     /data

Three ways to fetch an image:
  curl -X POST http://127.0.0.1:5050/api/v1/operations -H 'Content-Type: application/json' -d '{"kind":"pull","reference":"alpine:3"}'
  nats -s nats://127.0.0.1:4222 pub entrepot.request.pull '{"reference":"alpine:3"}'
  docker pull 127.0.0.1:5050/docker.io/library/alpine:3

Ctrl-C ends it.
`);
  });

  it("names somebody else's bus, how it is, and who may publish there he knows best", () => {
    const bus = { url: 'nats://bus:4222', isOurs: false, fault: 'connection refused' };
    const text = readyScreen({ ...ready, bus });
    expect(text).toContain(
      '  messages                 nats://bus:4222, not now: connection refused (all else works; it is tried again)',
    );
    expect(text).not.toContain('nats -s');
    expect(text).toMatch(/Two ways to fetch an image:/);
  });

  it('is bold only where that is wanted', () => {
    expect(readyScreen(ready)).not.toContain('\x1b');
    expect(readyScreen({ ...ready, bold: true })).toContain('\x1b[1mEntrepot 1.2.3 is ready');
  });
});
