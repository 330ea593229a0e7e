import { randomUUID } from 'node:crypto';
import { Entrepot } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { NatsWire } from '#testing/nats-wire';
import { askRaw, sendRaw } from '#testing/raw-http';
import { addScriptedImage } from '#testing/scripted-image';
import { ScriptedUpstream } from '#testing/scripted-upstream';

const HEX = 'a'.repeat(64);
const WRONG_PATHS: readonly [what: string, path: string][] = [
  ['capitals in a name', '/v2/Team/App/manifests/1'],
  ['two dots in a name', '/v2/../../etc/passwd/manifests/1'],
  ['an encoded slash and dots', '/v2/team%2f..%2f..%2fapp/manifests/1'],
  ['an empty part of a name', '/v2/team//app/manifests/1'],
  ['a name that is too long', `/v2/${'a/'.repeat(200)}b/manifests/1`],
  ['a zero byte', '/v2/team/app%00/manifests/1'],
  ['half of a character', '/v2/team/%ff/manifests/1'],
  ['a tag that is too long', `/v2/team/app/manifests/${'a'.repeat(129)}`],
  ['a tag that begins with a dot', '/v2/team/app/manifests/.x'],
  ['a digest that is too short', '/v2/team/app/blobs/sha256:abc'],
  ['a digest in capitals', `/v2/team/app/blobs/sha256:${HEX.toUpperCase()}`],
  ['a digest of nothing we know', `/v2/team/app/blobs/md5:${'a'.repeat(32)}`],
  ['a digest that is not here', `/v2/team/app/blobs/sha256:${HEX}`],
  ['a manifest that is not here', `/v2/team/app/manifests/sha256:${HEX}`],
  ['a name whose host is none', '/v2/-bad-.example/app/manifests/1'],
  ['nothing there is', '/v2/team/app/things/1'],
  ['a page length of words', '/v2/team/app/tags/list?n=many'],
];

const WRONG_BODIES: readonly [what: string, body: string, names: RegExp][] = [
  ['no JSON', 'pull it', /JSON/i],
  ['half of a JSON', '{"kind":"pull"', /JSON/i],
  ['nothing', '', /JSON|body|empty/i],
  ['a list', '[]', /object|expected/i],
  ['null', 'null', /object|expected/i],
  ['no kind', '{"reference":"a:1"}', /kind/],
  ['a kind there is not', '{"kind":"explode","reference":"a:1"}', /kind/],
  ['a field there is not', '{"kind":"pull","reference":"a:1","speed":9}', /speed/],
  ['no reference', '{"kind":"pull"}', /reference/],
  ['a reference that is a number', '{"kind":"pull","reference":7}', /reference/],
  ['an empty reference', '{"kind":"pull","reference":""}', /reference/],
  ['a reference that is too long', JSON.stringify({ kind: 'pull', reference: 'a'.repeat(600) }), /reference/],
  ['the same field twice', '{"kind":"pull","reference":"a:1","reference":"b:1"}', /reference|duplicate|twice/],
  ['a prototype', '{"kind":"pull","reference":"a:1","__proto__":{"force":true}}', /__proto__/],
  [
    'a depth of 50,000',
    `{"kind":"pull","reference":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
    /deep|depth|nest|reference/i,
  ],
  ['platforms of a kind there is not', '{"kind":"pull","reference":"a:1","platforms":"some"}', /platforms/],
];

const NO_ID = '0192f0c1-7c00-7000-8000-000000000000';
const DAILY = { cron: '0 3 * * *' };
const PAST = { ...DAILY, prune: { until: '2026-02-30' } };
/** Of the image cache: each is refused by its field (400), or by what is there (404, 409), and changes nothing. */
const WRONG_ASKS: readonly [what: string, method: string, path: string, body: unknown, refused: number | string][] = [
  ['a cron line that never comes', 'PUT', 'schedules/x', { cron: '0 0 30 2 *', prune: {} }, 'cron'],
  ['a cron line of seconds', 'PUT', 'schedules/x', { cron: '* * * * * *', prune: {} }, 'cron'],
  ['a time zone that there is not', 'PUT', 'schedules/x', { ...DAILY, timeZone: 'Mars/Base', prune: {} }, 'timeZone'],
  ['a path for a time zone', 'PUT', 'schedules/x', { ...DAILY, timeZone: '../../etc/passwd', prune: {} }, 'timeZone'],
  ['a day that there is not, in a schedule', 'PUT', 'schedules/x', PAST, 'prune.until'],
  ['a schedule of two things', 'PUT', 'schedules/x', { ...DAILY, prune: {}, collection: {} }, 'collection'],
  ['a schedule of nothing', 'PUT', 'schedules/x', DAILY, 'prune'],
  ['a regular expression that runs away', 'POST', 'prune', { repository: '(a+)+$' }, 'repository'],
  [
    'the same where images are listed',
    'GET',
    `images?repository=${encodeURIComponent('(a+)+$')}`,
    undefined,
    'repository',
  ],
  ['a share of more than all', 'POST', 'prune', { share: 101 }, 'share'],
  ['a prune of all that there is', 'POST', 'prune', { unused: true, repository: '**' }, 409],
  ['a plan that there is not', 'POST', `plans/${NO_ID}/apply`, undefined, 404],
  [
    'a remove of ten thousand',
    'POST',
    'operations',
    { kind: 'remove', references: Array(10_000).fill('a') },
    'references',
  ],
  ['a prefix of one digit, removed', 'DELETE', 'images?reference=a', undefined, 404],
  ['a prefix of one digit, looked at', 'GET', 'images/inspect?reference=a', undefined, 404],
  ['a prefix of no digit', 'GET', `images/inspect?reference=${encodeURIComponent('sha256:')}`, undefined, 'reference'],
  ['a move that there is not', 'POST', 'containers/none/explode', {}, 'action'],
  ['a move of nothing', 'POST', 'containers/none/start', {}, 404],
  ['an undo of nothing', 'POST', `trash/${NO_ID}/restore`, undefined, 404],
  ['an undo of yesterday', 'POST', 'trash/yesterday/restore', undefined, 'id'],
];

describe('bad requests', () => {
  let upstream: ScriptedUpstream;
  let entrepot: Entrepot;
  let wire: NatsWire;

  beforeAll(async () => {
    [upstream, entrepot] = await Promise.all([ScriptedUpstream.start(), Entrepot.start({ ENTREPOT_ATTEMPTS: '1' })]);
    wire = await NatsWire.connect(entrepot.natsUrl);
  }, 90_000);

  afterAll(async () => {
    wire?.close();
    await Promise.all([entrepot?.destroy(), upstream?.stop()]);
  }, 60_000);

  /** A small image; gives its reference. */
  const addImage = (name: string) => addScriptedImage(upstream, name, Buffer.from(`layer of ${name}`)).reference;

  /** Every answer of the REST API, as `METHOD path status type`. */
  const answered = new Set<string>();

  async function askApi(method: string, path: string, body?: string, headers: Record<string, string> = {}) {
    const sent = body === undefined ? {} : { body, headers: { 'content-type': 'application/json', ...headers } };
    const answer = await askRaw(entrepot.port, path, { method, ...sent });
    answered.add([method, path.split('?')[0], answer.status, answer.headers['content-type']].join(' '));
    return answer;
  }

  const requestsOf = async (reference: string) =>
    (await entrepot.operations()).filter(({ body }) => body.reference === reference);

  /** The bus took what was sent, and what is right is still carried out. */
  async function goesOn(name: string): Promise<void> {
    const reference = addImage(name);
    await wire.publish('entrepot.request.pull', JSON.stringify({ reference }));
    await eventually(
      'a good request is carried out',
      async () => (await requestsOf(reference))[0]?.state === 'completed',
    );
  }

  describe('over HTTP get a 4xx that says what is wrong', () => {
    it.each(WRONG_PATHS)('%s', async (_what, path) => {
      for (const method of ['GET', 'HEAD', 'DELETE', 'PUT', 'POST', 'PATCH']) {
        const { status, text } = await askRaw(entrepot.port, path, { method });
        expect({ method, status, text }).toEqual({ method, status: expect.any(Number), text: expect.any(String) });
        expect(Math.floor(status / 100)).toBe(4);
        if (method === 'GET')
          expect(JSON.parse(text).errors?.[0]).toMatchObject({ code: expect.stringMatching(/^[A-Z_]+$/) });
      }
    });

    it.each(WRONG_BODIES)('%s', async (_what, body, names) => {
      const { status, text } = await askApi('POST', '/api/v1/operations', body);
      expect({ status, text }).toEqual({ status: expect.any(Number), text: expect.stringMatching(names) });
      expect(Math.floor(status / 100)).toBe(4);
    });

    it('a body over the limit: 413', async () => {
      const body = JSON.stringify({ kind: 'pull', reference: 'a:1', pad: 'x'.repeat(2 * 1024 * 1024) });
      expect((await askApi('POST', '/api/v1/operations', body)).status).toBe(413);
    });

    it('a body that is not said to be JSON: 415', async () => {
      const body = '{"kind":"pull","reference":"a:1"}';
      const { status } = await askApi('POST', '/api/v1/operations', body, { 'content-type': 'text/plain' });
      expect(status).toBe(415);
    });

    it('an id that is none, and one that nobody has', async () => {
      const id = randomUUID();
      const asked: [method: string, path: string, status: number][] = [
        ['GET', '/api/v1/operations/7', 400],
        ['DELETE', '/api/v1/operations/%00', 400],
        ['GET', `/api/v1/operations/${id}`, 404],
        ['DELETE', `/api/v1/operations/${id}`, 404],
        ['GET', `/api/v1/operations/${id}/events`, 404],
        ['GET', '/api/v1/operations?limit=0', 400],
        ['GET', '/api/v1/operations?after=%00', 400],
        ['GET', '/api/v1/operations?state=lost', 400],
        ['DELETE', '/api/v1/images?reference=', 400],
        ['DELETE', '/api/v1/images?reference=a&reference=b', 400],
        ['DELETE', '/api/v1/images?reference=team/none:1', 404],
        ['GET', '/api/v1/images?limit=0', 400],
        ['GET', '/api/v1/images?colour=red', 400],
        ['GET', '/api/v1/images?repository=Team', 400],
      ];
      for (const [method, path, status] of asked) {
        const answer = await askApi(method, path);
        expect({ method, path, status: answer.status, problem: JSON.parse(answer.text) }).toMatchObject({
          method,
          path,
          status,
          problem: { status, code: expect.any(String), ...(status === 400 ? { field: expect.any(String) } : {}) },
        });
      }
      const body = '{"kind":"remove","reference":"team/none:1"}';
      expect((await askApi('POST', '/api/v1/operations', body)).status).toBe(404);
    });

    it('and no answer but what the OpenAPI document has', async () => {
      const { paths } = JSON.parse((await askRaw(entrepot.port, '/api/openapi.json')).text);
      const documented = (answer: string) => {
        const [method = '', path = '', status = '', type = ''] = answer.split(' ');
        const route = path.replace(/operations\/[^/]+/, 'operations/{id}');
        return paths[route]?.[method.toLowerCase()]?.responses[status]?.content?.[type] !== undefined;
      };
      expect(answered.size).toBeGreaterThan(10);
      expect([...answered].filter((answer) => !documented(answer))).toEqual([]);
    });

    it('asked of the image cache', async () => {
      await entrepot.completed(await entrepot.pull(addImage('team/only')));
      const before = await entrepot.images();
      const answers: object[] = [];
      for (const [what, method, path, body] of WRONG_ASKS) {
        const { status, json } = await entrepot.ask(method, `/api/v1/${path}`, body);
        answers.push({ what, refused: status === 400 ? (json as { field?: string }).field : status });
      }
      expect(answers).toEqual(WRONG_ASKS.map(([what, , , , refused]) => ({ what, refused })));
      expect(await entrepot.images()).toEqual(before);
      expect((await entrepot.ask('GET', '/api/v1/schedules')).json).toEqual([]);
    });

    it('headers over the limit, and what is no HTTP at all', async () => {
      const big = await sendRaw(
        entrepot.port,
        `GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`,
      );
      expect(big).toMatch(/^HTTP\/1\.1 4\d\d/);
      const none = await sendRaw(entrepot.port, 'HELLO THERE\r\n\r\n');
      expect(none).toMatch(/^HTTP\/1\.1 400/);
    });

    it('the name of another host', async () => {
      const { status } = await askRaw(entrepot.port, '/api/v1/operations', { headers: { host: 'evil.example' } });
      expect(Math.floor(status / 100)).toBe(4);
      const body = '{"kind":"pull","reference":"a:1"}';
      const headers = { 'content-type': 'application/json', origin: 'https://evil.example' };
      const foreign = await askRaw(entrepot.port, '/api/v1/operations', { method: 'POST', headers, body });
      expect(foreign.status).toBe(403);
    });

    it('the same key with another body: 409; with the same body the same operation', async () => {
      const headers = { 'idempotency-key': randomUUID() };
      const [one, two] = [addImage('team/keyed'), addImage('team/other')];
      const ask = (reference: string) =>
        entrepot.ask('POST', '/api/v1/operations', { kind: 'pull', reference }, headers);
      const first = await ask(one);
      expect(first.status).toBe(202);
      expect((await ask(two)).status).toBe(409);
      const again = await ask(one);
      expect(again.status).toBe(202);
      expect((again.json as { id: string }).id).toBe((first.json as { id: string }).id);
    });

    it('an image that is our own, or of a name that no registry has: failed with the reason', async () => {
      for (const reference of [`${entrepot.host}/team/app:1`, `127.0.0.1:${entrepot.port}/team/app:1`]) {
        const answer = await entrepot.ask('POST', '/api/v1/operations', { kind: 'pull', reference });
        if (answer.status === 202) {
          const operation = await entrepot.ended((answer.json as { id: string }).id);
          expect(operation).toMatchObject({
            state: 'failed',
            error: { message: expect.stringMatching(/itself|local|here/) },
          });
        } else {
          expect(answer).toMatchObject({ status: 400, text: expect.stringMatching(/itself|local|here/) });
        }
      }
    });
  });

  describe('over the bus are refused without harm', () => {
    const event = (id: string, data: unknown, more: object = {}) =>
      JSON.stringify({ specversion: '1.0', id, source: '/test', type: 'dev.entrepot.request.pull.v1', data, ...more });

    /** What is wrong, and what is said of it: by the failed operation, or by the dead letter where none can be named. */
    const WRONG_MESSAGES: readonly [what: string, body: string, says: RegExp][] = [
      ['nothing', '', /is empty/],
      ['no JSON', 'pull alpine', /not JSON/],
      ['a list', '[1,2]', /must be a JSON object/],
      ['bytes', '\u0001\u0002\u0003', /not JSON/],
      ['a key twice', '{"reference":"a:1","reference":"b:1"}', /"?reference"? .*twice|twice.*reference/],
      ['a body without its reference', '{}', /reference/],
      ['a body with a field there is not', '{"reference":"a:1","speed":9}', /speed/],
      [
        'an event of another type',
        event('wrong-type', { reference: 'a:1' }, { type: 'com.example.other' }),
        /type.*must be/,
      ],
      [
        'an event of another version of the format',
        event('wrong-version', { reference: 'a:1' }, { specversion: '9' }),
        /specversion/,
      ],
      ['an event without an id', event('', { reference: 'a:1' }), /CloudEvent's id/],
      ['an event whose body is wrong', event('wrong-data', { reference: 5 }), /reference/],
      ['a megabyte', `{"reference":"${'a'.repeat(1024 * 1024 - 20)}"}`, /1048\d\d\d bytes/],
      ['a depth of 50,000', '['.repeat(50_000), /nested deeper/],
    ];

    it.each(WRONG_MESSAGES)('%s', async (what, body) => {
      expect(await wire.publish('entrepot.request.pull', body)).toBeUndefined();
      await goesOn(`team/after-${what.replaceAll(/[^a-z]/g, '')}`);
    });

    it('and each is said, by a failed operation or a dead letter', async () => {
      const letters = (await entrepot.admin('dead-letters', 'list')).stdout.split('\n').filter(Boolean);
      const failed = (await entrepot.operations()).filter(({ state }) => state === 'failed');
      const said = [...letters, ...failed.map(({ error }) => error?.message ?? '')];
      for (const [, , says] of WRONG_MESSAGES) expect(said).toContainEqual(expect.stringMatching(says));
      expect(letters).toHaveLength(7);
    });

    it('a message larger than the bus takes: refused by the bus itself', async () => {
      const own = await NatsWire.connect(entrepot.natsUrl);
      // The server closes with bytes unread, so its last words may be lost on the way.
      await expect(own.publish('entrepot.request.pull', 'x'.repeat(1024 * 1024 + 1))).rejects.toThrow(/^closed/);
      own.close();
      await goesOn('team/after-too-large');
    });

    it('a request of a kind there is not', async () => {
      await wire.publish('entrepot.request.explode', '{"reference":"a:1"}');
      await goesOn('team/after-explode');
    });

    it("a principal that is not one's own", async () => {
      expect(await wire.publish('entrepot.request.pull.admin', '{"reference":"a:1"}')).toMatch(/Permissions Violation/);
    });

    it('a reference that is none: a failed operation with the reason', async () => {
      const reference = 'Not A Reference';
      await wire.publish('entrepot.request.pull', JSON.stringify({ reference }));
      const failed = await eventually('it fails', async () =>
        (await requestsOf(reference)).find(({ state }) => state === 'failed'),
      );
      expect(failed.error).toMatchObject({ message: expect.stringMatching(/reference|name/i) });
    });

    it('a hundred copies at once: one operation', async () => {
      const reference = addImage('team/hundred');
      const id = randomUUID();
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          const own = await NatsWire.connect(entrepot.natsUrl);
          for (let copy = 0; copy < 10; copy += 1) await own.publish('entrepot.request.pull', event(id, { reference }));
          own.close();
        }),
      );
      await eventually('it completes', async () => (await requestsOf(reference))[0]?.state === 'completed');
      await goesOn('team/after-hundred');
      expect(await requestsOf(reference)).toHaveLength(1);
      expect(upstream.count('GET', /team\/hundred\/manifests/)).toBe(1);
    });

    it('a known id with other content: a failed operation of its own, and the first is as it was', async () => {
      const [first, second] = [addImage('team/first'), addImage('team/second')];
      const id = randomUUID();
      await wire.publish('entrepot.request.pull', event(id, { reference: first }));
      await eventually('it completes', async () => (await requestsOf(first))[0]?.state === 'completed');
      await wire.publish('entrepot.request.pull', event(id, { reference: second }));
      const failed = await eventually('the other fails', async () => (await requestsOf(second))[0]);
      expect(failed).toMatchObject({ state: 'failed', error: { code: 'CONFLICT' } });
      expect((await requestsOf(first))[0]?.state).toBe('completed');
    });
  });

  it('left no stored byte that does not belong, and a program that is well', async () => {
    expect((await entrepot.ask('GET', '/readyz')).status).toBe(200);
    expect((await entrepot.images()).every(({ complete }) => complete)).toBe(true);
    expect(await entrepot.fsck()).toEqual([]);
    expect(entrepot.log).not.toMatch(/unhandled|uncaught/i);
  });
});
