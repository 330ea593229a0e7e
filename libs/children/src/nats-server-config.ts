export interface NatsServerSettings {
  readonly port: number;
  readonly storeFolder: string;
  /** Of the user `entrepot`, who is the services. */
  readonly password: string;
}

const ALL_FACTS = '$JS.API.DIRECT.GET.ENTREPOT_FACTS';
/** The last message of a subject alone, whose name stands in the question's: nothing else of that stream can be named. */
const OWN_OUTCOME = '$JS.API.DIRECT.GET.ENTREPOT_OUTCOMES.entrepot.outcome.anonymous.*';

/**
 * More than the streams may have together. Without it the server takes three quarters of what the disk has free at its
 * start, and refuses the streams their room on a disk that is nearly full, on which it has long had them.
 */
const STORE_LIMIT = '1GB';

/** What anybody who reaches the port may ask for: one token after `request`, for a second one would be a principal's. */
const MAY_PUBLISH = ['entrepot.request.*', ALL_FACTS, OWN_OUTCOME];
const MAY_READ = ['entrepot.fact.>', 'entrepot.outcome.anonymous.>', 'entrepot.progress.anonymous.>'];

/**
 * The server's configuration. Whoever gives no name is `anonymous`, and has an account apart from the services'.
 * Permissions alone would not do: a server answers to whatever reply subject a publisher names, with its own rights,
 * so the answer to a permitted publish could be aimed at the JetStream API, or at a request in another's name. Across
 * accounts answers come back to the asker's account and to nothing else.
 * Facts of the past are read with direct get (it needs `allow_direct` on the stream), not through consumers: who may
 * make one may have it deliver to any subject, and change or empty those of the services.
 */
export function natsServerConfig({ port, storeFolder, password }: NatsServerSettings): string {
  const services = MAY_PUBLISH.map((subject) => ({ service: subject }));
  const streams = MAY_READ.map((subject) => ({ stream: subject }));
  const exports = [...services, ...streams].map((subject) => ({
    ...subject,
    accounts: ['PUBLIC'],
    ...answers(subject),
  }));
  const from = (subject: string) => ({ account: 'ENTREPOT', subject });
  const imports = [
    ...services.map(({ service }) => ({ service: from(service) })),
    ...streams.map(({ stream }) => ({ stream: from(stream) })),
  ];
  return `# Written at every start.
server_name: entrepot
listen: "127.0.0.1:${port}"
max_payload: 1048576
jetstream { store_dir: ${JSON.stringify(storeFolder)}, sync_interval: always, max_file_store: ${STORE_LIMIT} }
accounts {
  ENTREPOT {
    jetstream: enabled
    users: [ { user: entrepot, password: ${JSON.stringify(password)} } ]
    exports: ${JSON.stringify(exports)}
  }
  PUBLIC {
    users: [ { user: anonymous, permissions: {
      publish: { allow: ${JSON.stringify(MAY_PUBLISH)} }
      subscribe: { allow: ${JSON.stringify([...MAY_READ, '_INBOX.>'])} }
    } } ]
    imports: ${JSON.stringify(imports)}
  }
}
no_auth_user: anonymous
`;
}

/** A batch of facts is many answers to one question. */
function answers(subject: object): object {
  return 'service' in subject && subject.service === ALL_FACTS ? { response_type: 'Stream' } : {};
}
