import { isNewEnough, LEAST_VERSION } from '#children/nats-server-version';
import { StartFault } from '#config/start-fault';

/**
 * Throws StartFault for a nats-server that is too old. Older ones silently ignore what the streams rely on
 * (`term` with a reason, limits of one message), and 2.12.5 and before let JetStream be used without authorisation.
 */
export function refuseOldServer(version: string, servers: string): void {
  const [release = ''] = /^\d+\.\d+\.\d+/.exec(version) ?? [];
  if (release !== '' && isNewEnough(release)) return;
  throw new StartFault(
    `The nats-server at ${servers} is ${version || 'of an unknown version'}, and Entrepot needs ${LEAST_VERSION} or later: ` +
      'older ones silently ignore what its streams rely on, and have known security holes. ' +
      'Upgrade that server, or leave NATS_URL unset so that the standalone process starts one of its own.',
  );
}
