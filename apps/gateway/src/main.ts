import 'reflect-metadata';
import { runService } from '#service/run-service';
import { GatewayAdapter } from './gateway.adapter';
import { GatewayConfigSchema } from './gateway.config';
import { GatewayModule } from './gateway.module';

runService({
  name: 'gateway',
  schema: GatewayConfigSchema,
  module: (config) => GatewayModule.with(config),
  face: (config) => ({
    adapter: new GatewayAdapter(config),
    host: config.ENTREPOT_HOST,
    port: config.ENTREPOT_PORT,
  }),
});
