import { z } from 'zod';
import { loadConfig } from './load-config';
import { NAMING_SETTINGS } from './naming-settings';

const read = (ENTREPOT_HOSTS: string) => loadConfig(z.object(NAMING_SETTINGS), { ENTREPOT_HOSTS }).ENTREPOT_HOSTS;

test('hosts are read in lowercase, with or without a port', () => {
  expect(read('Warehouse.lan:5050, registry ,[::1]:5050,10.0.0.7,my_host')).toEqual([
    'warehouse.lan:5050',
    'registry',
    '[::1]:5050',
    '10.0.0.7',
    'my_host',
  ]);
});

test.each(['https://registry.lan', 'registry.lan/v2', 'a b', 'registry:port', 'user@registry', '-a'])(
  'what no request could name is refused: %s',
  (host) => {
    expect(() => read(`registry.lan,${host}`)).toThrow(
      `ENTREPOT_HOSTS: must be hosts such as registry.lan or registry.lan:5050, and has "${host}"`,
    );
  },
);
