import type { OpenAnswer, OpenFace } from '#calls/call-server';
import { METRICS_TYPE, metricsText } from '#telemetry/metrics';
import type { Readiness } from './readiness';

/** What every service answers beside its calls, as the gateway does on its own port: is it alive, can it work, its figures. */
export function openFace(readiness: Readiness): OpenFace {
  const faces: Readonly<Record<string, () => Promise<OpenAnswer>>> = {
    '/livez': async () => json(200, { status: 'alive' }),
    '/readyz': async () => {
      const { isReady, body } = await readiness.report();
      return json(isReady ? 200 : 503, body);
    },
    '/metrics': async () => ({ status: 200, type: METRICS_TYPE, body: await metricsText() }),
  };
  return (path) => faces[path]?.();
}

const json = (status: number, value: object): OpenAnswer => ({
  status,
  type: 'application/json',
  body: JSON.stringify(value),
});
