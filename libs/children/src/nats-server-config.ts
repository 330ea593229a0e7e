export interface NatsServerSettings {
  readonly port: number;
  readonly storeFolder: string;
  /** Of the user `entrepot`, who is the services. */
  readonly password: string;
  /** The public key, `A…`, of who lets in the users that are made at run time. */
  readonly issuer: string;
  /** One server of several; streams are then kept by as many as they are asked to be. */
  readonly cluster?: { readonly name: string; readonly port: number; readonly routes: readonly string[] };
}

const ALL_FACTS = '$JS.API.DIRECT.GET.ENTREPOT_FACTS';
const OUTCOME = '$JS.API.DIRECT.GET.ENTREPOT_OUTCOMES.entrepot.outcome';

/**
 * More than the streams may have together. Without it the server takes three quarters of what the disk has free at its
 * start, and refuses the streams their room on a disk that is nearly full, on which it has long had them.
 */
const STORE_LIMIT = '1GB';

/** What an account takes from that of the services: answers to questions, and what it may hear. */
interface Guest {
  readonly name: string;
  readonly services: readonly string[];
  readonly streams: readonly string[];
}

/**
 * Whoever gives no name. One token after `request`, for a second one would be a principal's. Of outcomes the last
 * message of a subject alone, whose name stands in the question's: nothing else of that stream can be named.
 */
const PUBLIC: Guest = {
  name: 'PUBLIC',
  services: ['entrepot.request.*', ALL_FACTS, `${OUTCOME}.anonymous.*`],
  streams: ['entrepot.fact.>', 'entrepot.outcome.anonymous.>', 'entrepot.progress.anonymous.>'],
};

/** The users that are made at run time; each one's own rights are in what metadata answers to its login. */
const PRINCIPALS: Guest = {
  name: 'PRINCIPALS',
  services: ['entrepot.request.*.*', ALL_FACTS, `${OUTCOME}.*.*`],
  streams: ['entrepot.fact.>', 'entrepot.outcome.>', 'entrepot.progress.>'],
};

/** Of the server itself, for the services: which connections there are, and the end of one. */
const OF_SYSTEM = ['$SYS.REQ.SERVER.PING.CONNZ', '$SYS.REQ.SERVER.*.KICK'];

/** Answers that come in several messages, or of several servers. */
const MANY = new Set([ALL_FACTS, '$SYS.REQ.SERVER.PING.CONNZ']);

/**
 * A server answers a publish to whatever subject its publisher names, also within the publisher's own account: there
 * nobody may be told a fact, an outcome or progress by anybody but the services.
 */
const MAPPINGS = Object.fromEntries(
  ['fact', 'outcome', 'progress'].map((kind) => [`entrepot.${kind}.>`, 'entrepot.refused.>']),
);

/**
 * The server's configuration. Whoever gives no name is `anonymous`, and has an account apart from the services', as
 * have the users that are made at run time: whom `auth_callout` asks metadata about. Permissions alone would not do: a
 * server answers to whatever reply subject a publisher names, with its own rights, so the answer to a permitted publish
 * could be aimed at the JetStream API, or at a request in another's name. Across accounts answers come back to the
 * asker's account and to nothing else.
 * Facts of the past are read with direct get (it needs `allow_direct` on the stream), not through consumers: who may
 * make one may have it deliver to any subject, and change or empty those of the services.
 */
export function natsServerConfig({ port, storeFolder, password, issuer, cluster }: NatsServerSettings): string {
  const anonymous = {
    user: 'anonymous',
    permissions: { publish: { allow: PUBLIC.services }, subscribe: { allow: [...PUBLIC.streams, '_INBOX.>'] } },
  };
  const services = {
    jetstream: 'enabled',
    users: [{ user: 'entrepot', password }],
    exports: [...exportsTo(PUBLIC), ...exportsTo(PRINCIPALS)],
    imports: OF_SYSTEM.map((subject) => ({ service: { account: 'SYS', subject } })),
  };
  return `# Written at every start.
server_name: ${cluster ? `${cluster.name}-${port}` : 'entrepot'}
listen: "127.0.0.1:${port}"
max_payload: 1048576
jetstream { store_dir: ${JSON.stringify(storeFolder)}, sync_interval: always, max_file_store: ${STORE_LIMIT} }
${cluster ? `cluster ${JSON.stringify({ name: cluster.name, listen: `127.0.0.1:${cluster.port}`, routes: cluster.routes })}\n` : ''}\
system_account: SYS
accounts {
  SYS: ${JSON.stringify({ exports: exportsTo({ name: 'ENTREPOT', services: OF_SYSTEM, streams: [] }) })}
  ENTREPOT: ${JSON.stringify(services)}
  PUBLIC: ${JSON.stringify({ users: [anonymous], mappings: MAPPINGS, imports: importsOf(PUBLIC) })}
  PRINCIPALS: ${JSON.stringify({ mappings: MAPPINGS, imports: importsOf(PRINCIPALS) })}
}
no_auth_user: anonymous
authorization {
  timeout: 5
  auth_callout { issuer: ${issuer}, account: ENTREPOT, auth_users: [entrepot, anonymous] }
}
`;
}

function exportsTo({ name, services, streams }: Guest): object[] {
  const accounts = [name];
  return [
    ...services.map((service) => ({ service, accounts, ...(MANY.has(service) && { response_type: 'Stream' }) })),
    ...streams.map((stream) => ({ stream, accounts })),
  ];
}

function importsOf({ services, streams }: Guest): object[] {
  const from = (subject: string) => ({ account: 'ENTREPOT', subject });
  return [
    ...services.map((subject) => ({ service: from(subject) })),
    ...streams.map((subject) => ({ stream: from(subject) })),
  ];
}
