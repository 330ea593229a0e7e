import { GatewayConfigSchema } from './gateway.config';

describe('where the gateway listens', () => {
  test.each(['127.0.0.1', '127.8.0.1', '::1', 'localhost'])('%s needs no leave', (ENTREPOT_HOST) => {
    expect(GatewayConfigSchema.safeParse({ ENTREPOT_HOST }).success).toBe(true);
  });

  test.each(['0.0.0.0', '::', '192.168.1.5', 'warehouse.lan', '127.evil.example'])(
    '%s is refused without it, and the remedy is said',
    (ENTREPOT_HOST) => {
      const { error } = GatewayConfigSchema.safeParse({ ENTREPOT_HOST });
      expect(error?.issues).toMatchObject([
        { path: ['ENTREPOT_HOST'], message: expect.stringContaining('ENTREPOT_ALLOW_ANONYMOUS=true') },
      ]);
      expect(GatewayConfigSchema.safeParse({ ENTREPOT_HOST, ENTREPOT_ALLOW_ANONYMOUS: 'true' }).success).toBe(true);
    },
  );
});

test('hosts are a list, however it is spaced', () => {
  expect(GatewayConfigSchema.parse({ ENTREPOT_HOSTS: ' Warehouse.lan:5050, registry ,' }).ENTREPOT_HOSTS).toEqual([
    'warehouse.lan:5050',
    'registry',
  ]);
});
