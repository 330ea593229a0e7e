/** What the server and the library say, and what a person can do about it. */
const REMEDIES: readonly (readonly [RegExp, (login: string | null) => string])[] = [
  [
    /authorization violation|authentication timeout|maximum account|nkey/i,
    (login) =>
      login === null
        ? 'the server takes nobody without a login: put user and password into NATS_URL, or set NATS_USER, NATS_TOKEN, NATS_NKEY or NATS_CREDS'
        : `the server refuses this login: check ${login}`,
  ],
  [
    /authentication expired|account authentication/i,
    (login) => `the login has run out: renew what ${login ?? 'NATS_CREDS'} names`,
  ],
  [/revoked/i, (login) => `the login was revoked: renew what ${login ?? 'NATS_CREDS'} names`],
  [
    /tls.*not available|does not support '?tls/i,
    () => 'the server offers no TLS: have it offer TLS, or take nats:// and leave out NATS_CA and NATS_CERT',
  ],
  [
    /self.signed|unable to (verify|get)|SELF_SIGNED|UNABLE_TO/i,
    () =>
      "the server's certificate is signed by nobody who is known here: set NATS_CA to the certificate of who signed it",
  ],
  [/certificate has expired|CERT_HAS_EXPIRED/i, () => "the server's certificate has run out: renew it there"],
  [
    /altnames|ALTNAME/i,
    () => "the server's certificate is for another name: name the server in NATS_URL as the certificate does",
  ],
  [
    /bad certificate|certificate required|unknown ca|handshake failure|unknown certificate/i,
    () => 'the server wants a client certificate that it knows: set NATS_CERT and NATS_KEY',
  ],
  [/enotfound|eai_again/i, () => 'no such host: check NATS_URL'],
  [/refused/i, () => 'nobody listens there'],
  [
    // By TLS 1.3 a client learns after its handshake that it should have shown a certificate.
    /^timeout$/i,
    () => 'the server does not answer in time; where it wants a client certificate, set NATS_CERT and NATS_KEY',
  ],
];

/** `fault` as people understand it; `login` names the settings of the login, if there is one. Never holds a secret. */
export function explainNatsFault(fault: unknown, login: string | null): string {
  const said = wordsOf(fault);
  const [, remedy] = REMEDIES.find(([pattern]) => pattern.test(said)) ?? [];
  return remedy ? `${said}: ${remedy(login)}` : said;
}

function wordsOf(fault: unknown): string {
  if (!(fault instanceof Error)) return String(fault ?? 'no reason was given');
  const { code } = fault as NodeJS.ErrnoException;
  const own = fault.message || code || fault.name;
  return own.replace(/^Error: /, '');
}
