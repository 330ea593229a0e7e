export interface ReadyScreen {
  readonly version: string;
  /** `http://127.0.0.1:5050` */
  readonly url: string;
  readonly bus: {
    /** `nats://127.0.0.1:4222`, without credentials. */
    readonly url: string;
    /** It was started along, so anybody may publish there. */
    readonly isOurs: boolean;
    /** Why it does not work now. */
    readonly fault: string | null;
  };
  readonly dataFolder: string;
  /** Since the start began, in milliseconds. */
  readonly tookMs: number;
  /** A terminal shows the headings bold. */
  readonly bold: boolean;
}

const EXAMPLE = 'alpine:3';
const EXAMPLE_REPOSITORY = 'docker.io/library/alpine:3';

/** What a person sees when all is up: where to go, and three lines to try. */
export function readyScreen({ version, url, bus, dataFolder, tookMs, bold }: ReadyScreen): string {
  const strong = (text: string) => (bold ? `\x1b[1m${text}\x1b[0m` : text);
  const { host } = new URL(url);
  const pull = JSON.stringify({ kind: 'pull', reference: EXAMPLE });
  const message = JSON.stringify({ reference: EXAMPLE });
  const tries = [
    `curl -X POST ${url}/api/v1/operations -H 'Content-Type: application/json' -d '${pull}'`,
    ...(bus.isOurs ? [`nats -s ${bus.url} pub entrepot.request.pull '${message}'`] : []),
    `docker pull ${host}/${EXAMPLE_REPOSITORY}`,
  ];
  return [
    '',
    strong(`Entrepot ${version} is ready after ${(tookMs / 1000).toFixed(1)} s.`),
    `  registry and API         ${url}`,
    `  page of the API          ${url}/api`,
    `  messages                 ${bus.url}${bus.fault === null ? '' : `, not now: ${bus.fault} (all else works; it is tried again)`}`,
    `  data                     ${dataFolder}`,
    '',
    strong('Three ways to fetch an image:').replace('Three', bus.isOurs ? 'Three' : 'Two'),
    ...tries.map((line) => `  ${line}`),
    '',
    'Ctrl-C ends it.',
    '',
  ].join('\n');
}
