import 'reflect-metadata';
import { runMain } from '#service/run-main';
import { startService } from '#service/start-service';
import { GatewayAdapter } from './gateway.adapter';
import { GatewayConfigSchema } from './gateway.config';
import { GatewayModule } from './gateway.module';

runMain(() =>
  startService({
    name: 'gateway',
    schema: GatewayConfigSchema,
    module: (config) => GatewayModule.with(config),
    face: (config) => ({
      adapter: new GatewayAdapter(config),
      host: config.ENTREPOT_HOST,
      port: config.ENTREPOT_PORT,
    }),
  }),
);
