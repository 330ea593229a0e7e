import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { StartFault } from '#config/start-fault';

/** PEM texts. */
interface Certificates {
  readonly ca?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
}

/** What is no certificate or no key ends the start: of it every pull from there would fail, with less to go by. */
export function checkCertificates(host: string, { ca, clientCert, clientKey }: Certificates): void {
  const refuse = (field: string, what: string) => {
    throw new StartFault(`ENTREPOT_UPSTREAMS: ${host}.${field}: must be a PEM file with ${what}`);
  };
  if (ca !== undefined && !isCertificate(ca)) refuse('ca', 'certificates');
  if (clientCert !== undefined && !isCertificate(clientCert)) refuse('clientCert', 'a certificate');
  if (clientKey !== undefined && !isKeyOf(clientKey, clientCert))
    refuse('clientKey', 'the unencrypted key of clientCert');
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}

function isKeyOf(key: string, cert: string | undefined): boolean {
  try {
    createSecureContext({ key, cert });
    return true;
  } catch {
    return false;
  }
}
