import { ownHosts } from './own-hosts';

test('we are what we were told, and where we listen, by every name of this machine', () => {
  const settings = { ENTREPOT_HOSTS: ['registry.team'], ENTREPOT_HOST: 'Warehouse', ENTREPOT_PORT: 5050 };
  expect([...ownHosts(settings)].sort()).toEqual([
    '127.0.0.1:5050',
    'localhost:5050',
    'registry.team',
    'warehouse:5050',
  ]);
});
