import { z } from 'zod';
import { logFormat, logLevel } from '#config/log-level';
import { TRACE_SETTINGS } from '#config/trace-settings';
import { portNumber } from '#config/whole-number';
import { checkNatsLogin, NATS_SETTINGS, natsUrl } from '#messaging/nats.config';

/** What the standalone program needs to know beside the settings of its five services. */
export const StandaloneConfigSchema = z
  .object({
    ENTREPOT_DATA: z
      .string()
      .default('.entrepot')
      .describe('the folder of everything that is kept; the default lies in the folder of the program'),
    ENTREPOT_HOST: z.string().default('127.0.0.1').describe('address to listen on'),
    ENTREPOT_PORT: portNumber().prefault('5050').describe('port to listen on; 0 takes a free one'),
    ENTREPOT_NATS_PORT: portNumber()
      .prefault('4222')
      .describe('port on 127.0.0.1 of the nats-server that is started along; 0 takes a free one'),
    NATS_URL: natsUrl()
      .optional()
      .describe(
        'a bus that runs already, nats://user:password@host:port, servers of a cluster joined by commas; then none is started',
      ),
    ...NATS_SETTINGS,
    DATABASE_URL: z
      .url({ protocol: /^postgres(ql)?$/, error: 'must be an address such as postgres://user:password@host:5432/name' })
      .optional()
      .describe('a Postgres that runs already, postgres://user:password@host:port/database; then none is started'),
    ENTREPOT_LOG_LEVEL: logLevel().default('warn').describe('how much is said while it runs'),
    ENTREPOT_LOG_FORMAT: logFormat()
      .default('text')
      .describe(
        'how it is said: text, for people; json, an object on each line; auto is text on a terminal and json elsewhere',
      ),
    ...TRACE_SETTINGS,
  })
  .refine(
    ({ ENTREPOT_PORT: port, ENTREPOT_NATS_PORT: natsPort, NATS_URL: bus }) => port === 0 || port !== natsPort || bus,
    {
      path: ['ENTREPOT_NATS_PORT'],
      error: 'must be another port than ENTREPOT_PORT',
    },
  )
  .superRefine(checkNatsLogin);

export type StandaloneConfig = z.output<typeof StandaloneConfigSchema>;
