import { hostNames, isForeignOrigin, isKnownHost } from './known-hosts';

const names = hostNames(['warehouse.lan:5050', 'registry', 'gateway']);

describe('isKnownHost', () => {
  test.each([
    ['localhost', true],
    ['LocalHost:5050', true],
    ['127.0.0.1:5050', true],
    ['10.1.2.3', true],
    ['[::1]:5050', true],
    ['[fd00::1]', true],
    ['warehouse.lan', true],
    ['Warehouse.LAN:1234', true],
    ['registry:80', true],
    ['evil.example', false],
    ['localhost.evil.example:5050', false],
    ['127.0.0.1.evil.example', false],
    ['warehouse.lan.evil.example', false],
    ['[::1].evil.example', false],
    ['a@localhost', false],
    ['localhost:80:80', false],
    ['localhost:x', false],
    ['', false],
    ['[]', false],
  ])('%s: %s', (header, known) => {
    expect(isKnownHost(header, names)).toBe(known);
  });
});

describe('isForeignOrigin', () => {
  test.each([
    ['http://localhost:5050', 'localhost:5050', false],
    ['http://LOCALHOST:5050', 'LocalHost:5050', false],
    ['http://localhost', 'localhost', false],
    ['https://warehouse.lan', 'warehouse.lan', false],
    ['http://localhost:5051', 'localhost:5050', true],
    ['http://evil.example', 'localhost:5050', true],
    ['null', 'localhost:5050', true],
    ['', 'localhost:5050', true],
    ['file://', 'localhost:5050', true],
    ['http://localhost:5050.evil.example', 'localhost:5050', true],
  ])('%s at %s: %s', (origin, host, foreign) => {
    expect(isForeignOrigin(origin, host)).toBe(foreign);
  });

  test('nothing is ours where the request names no host', () => {
    expect(isForeignOrigin('file://', '')).toBe(true);
  });
});
