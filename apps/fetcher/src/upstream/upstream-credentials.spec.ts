import dns from 'node:dns';
import type { TLSSocket } from 'node:tls';
import { parseTag } from '#oci/tag';
import { imageManifest, someBytes } from '#testing/image-parts';
import { LOCALHOST_CERTIFICATE } from '#testing/localhost-certificate';
import { demandToken, reply, type Script, ScriptedUpstream } from '#testing/scripted-upstream';
import { RegistryBench, type RegistrySetting } from '../fetcher.testing';

const TAG = parseTag('20');
const CANARY = 'canary-secret';
const LOGIN = { username: 'me', password: CANARY };
const BASIC = `Basic ${Buffer.from(`me:${CANARY}`).toString('base64')}`;
const image = imageManifest(someBytes(100));

let upstream: ScriptedUpstream;
let other: ScriptedUpstream;
const benches: RegistryBench[] = [];

beforeEach(async () => {
  upstream = await ScriptedUpstream.start();
  other = await ScriptedUpstream.start();
  upstream.addManifest('library/node', TAG, image);
  upstream.addManifest('library/debian', TAG, image);
});
afterEach(async () => {
  await Promise.all(benches.splice(0).map((bench) => bench.client.close()));
  await Promise.all([upstream.stop(), other.stop()]);
});

/** A bench that knows a credential for the upstream. */
function knowing(
  credential: NonNullable<NonNullable<RegistrySetting['entries']>[string]['credential']>,
  entry = {},
  setting: RegistrySetting = {},
) {
  return made({ ...setting, entries: { [upstream.domain]: { plainHttp: true, credential, ...entry } } });
}

function made(setting: RegistrySetting = {}): RegistryBench {
  const bench = new RegistryBench(setting);
  benches.push(bench);
  return bench;
}

async function read(bench: RegistryBench, path = 'library/node') {
  return bench.registry.readManifest(await bench.open(upstream.domain, path), TAG, bench.signal);
}

async function faultOf(asked: Promise<unknown>): Promise<Error & { code?: string }> {
  const error = await asked.then(
    () => new Error('it succeeded'),
    (thrown: Error) => thrown,
  );
  expect(JSON.stringify([error.message, error.stack, error])).not.toContain(CANARY);
  return error;
}

/** Gives tokens t1, t2, … that live so many seconds. */
function tokens(from: ScriptedUpstream, life?: number, method = 'GET'): string[] {
  const given: string[] = [];
  const script: Script = (_request, response) => {
    given.push(`t${given.length + 1}`);
    const answer = { token: given.at(-1), ...(life === undefined ? {} : { expires_in: life }) };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  };
  from.script(method, /^\/token/, script);
  return given;
}

const secretsSentTo = ({ requests }: ScriptedUpstream) =>
  requests.filter(({ headers, body, url }) => headers.authorization !== undefined || `${url}${body}`.includes(CANARY));

describe('tokens', () => {
  it('are asked for as nobody where there is no credential, from whatever realm', async () => {
    const given = tokens(other);
    upstream.script(
      'GET',
      /^\/v2\//,
      demandToken(`${other.origin}/token?fixed=1`, (token) => given.includes(token)),
    );
    await read(made());
    const [asked] = other.requests;
    expect(Object.fromEntries(new URL(asked!.url, other.origin).searchParams)).toEqual({
      fixed: '1',
      service: 'registry.test',
      scope: 'repository:library/node:pull',
      client_id: 'entrepot',
    });
    expect(secretsSentTo(other)).toEqual([]);
  });

  it('are asked for with user and password, once for a scope, and then sent unasked', async () => {
    const given = tokens(upstream);
    upstream.script(
      'GET',
      /^\/v2\//,
      demandToken(`${upstream.origin}/token`, (token) => given.includes(token)),
    );
    const bench = knowing(LOGIN);
    await Promise.all([read(bench), read(bench), read(bench)]);
    await read(bench);
    expect(upstream.count('GET', /^\/token/)).toBe(1);
    expect(upstream.requests.find(({ url }) => url.startsWith('/token'))?.headers.authorization).toBe(BASIC);
    expect(upstream.requests.at(-1)?.headers.authorization).toBe('Bearer t1');
    await read(bench, 'library/debian');
    expect(upstream.count('GET', /^\/token\?.*scope=repository%3Alibrary%2Fdebian%3Apull/)).toBe(1);
  });

  it('are given up 10 s before they end, and after a minute where nothing is said', async () => {
    let now = 1_000_000;
    const given = tokens(upstream);
    upstream.script(
      'GET',
      /^\/v2\//,
      demandToken(`${upstream.origin}/token`, (token) => token === given.at(-1)),
    );
    const bench = knowing(LOGIN, {}, { now: () => now });
    await read(bench);
    now += 49_000;
    await read(bench);
    expect(given).toEqual(['t1']);
    now += 2_000;
    await read(bench);
    expect(given).toEqual(['t1', 't2']);
  });

  it('that end early are renewed once, and no more than once', async () => {
    const given = tokens(upstream, 3_600);
    let accepted = 't1';
    upstream.script(
      'GET',
      /^\/v2\//,
      demandToken(`${upstream.origin}/token`, (token) => token === accepted),
    );
    const bench = knowing(LOGIN);
    await read(bench);
    accepted = 't2';
    await read(bench);
    accepted = 'none';
    const error = await faultOf(read(bench));
    expect(error).toMatchObject({
      code: 'UNAUTHORIZED',
      message: expect.stringContaining('does not accept the credential'),
    });
    expect(given).toEqual(['t1', 't2', 't3']);
  });

  it('are asked for by a refresh token, in a form, which no redirect carries on', async () => {
    const given = tokens(upstream, 300, 'POST');
    upstream.script(
      'GET',
      /^\/v2\//,
      demandToken(`${upstream.origin}/token`, (token) => given.includes(token)),
    );
    await read(knowing({ identityToken: CANARY }));
    const asked = upstream.requests.find(({ method }) => method === 'POST');
    expect(Object.fromEntries(new URLSearchParams(asked?.body))).toEqual({
      grant_type: 'refresh_token',
      service: 'registry.test',
      scope: 'repository:library/node:pull',
      client_id: 'entrepot',
      refresh_token: CANARY,
    });
    upstream.script('POST', /^\/token/, reply(307, { location: `${other.origin}/token` }));
    expect(await faultOf(read(knowing({ identityToken: CANARY })))).toMatchObject({ code: 'UPSTREAM' });
    expect(other.requests).toEqual([]);
  });

  it('may be had without asking, and basic authentication too', async () => {
    const demand: Script = ({ headers }, response) =>
      [BASIC, `Bearer ${CANARY}`].includes(headers.authorization ?? '')
        ? false
        : response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    upstream.script('GET', /^\/v2\//, demand);
    await read(knowing(LOGIN));
    await read(knowing({ token: CANARY }));
    expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual([
      undefined,
      BASIC,
      undefined,
      `Bearer ${CANARY}`,
    ]);
  });

  it.each([
    [401, '', 'UNAUTHORIZED'],
    [429, '', 'TOOMANYREQUESTS'],
    [500, '', 'UNAVAILABLE'],
    [200, '<html>', 'UPSTREAM'],
    [200, `{"token":"bad\\r\\nheader: x"}`, 'UPSTREAM'],
    [200, '{}', 'UPSTREAM'],
  ])('a token service that answers %d %j is %s', async (status, body, code) => {
    upstream.script('GET', /^\/token/, reply(status, {}, body));
    upstream.script(
      'GET',
      /^\/v2\//,
      demandToken(`${upstream.origin}/token`, () => false),
    );
    expect(await faultOf(read(knowing(LOGIN)))).toMatchObject({ code });
  });

  it('one whose asker hangs up is still there for the others', async () => {
    const waiting: (() => void)[] = [];
    upstream.script('GET', /^\/token/, (_request, response) => waiting.push(() => response.end('{"token":"t1"}')));
    upstream.script(
      'GET',
      /^\/v2\//,
      demandToken(`${upstream.origin}/token`, (token) => token === 't1'),
    );
    const bench = knowing(LOGIN);
    const hasty = new AbortController();
    const repository = await bench.open(upstream.domain);
    const first = faultOf(bench.registry.readManifest(repository, TAG, hasty.signal));
    const second = read(bench);
    await Promise.race([
      second,
      new Promise<void>((resolve) => setInterval(() => waiting.length > 0 && resolve(), 5).unref()),
    ]);
    hasty.abort();
    expect(await first).toMatchObject({ code: 'CANCELLED' });
    waiting[0]?.();
    await second;
    expect(waiting).toHaveLength(1);
  });
});

describe('no credential leaves for another host (P12)', () => {
  it('a realm on another host gets none, and whoever asked is told what to do', async () => {
    tokens(other);
    const realm = `http://localhost:${other.port}/token`;
    upstream.script(
      'GET',
      /^\/v2\//,
      demandToken(realm, () => false),
    );
    for (const credential of [LOGIN, { identityToken: CANARY }]) {
      const error = await faultOf(read(knowing(credential)));
      expect(error).toMatchObject({
        code: 'DENIED',
        message: expect.stringContaining(`add "localhost:${other.port}" to the tokenHosts`),
      });
    }
    expect(other.requests).toEqual([]);
  });

  it('a realm that the configuration names gets it', async () => {
    const given = tokens(other);
    const host = `localhost:${other.port}`;
    upstream.script(
      'GET',
      /^\/v2\//,
      demandToken(`http://${host}/token`, (token) => given.includes(token)),
    );
    await read(knowing(LOGIN, { tokenHosts: [host] }));
    expect(other.requests[0]?.headers.authorization).toBe(BASIC);
  });

  it('a redirect to another origin carries none, be it a manifest, a blob, or a token', async () => {
    const given = tokens(upstream);
    upstream.script(
      'GET',
      /^\/v2\//,
      demandToken(`${upstream.origin}/token`, (token) => given.includes(token)),
    );
    const bench = knowing(LOGIN);
    await read(bench);
    other.script('GET', /./, reply(200, { 'content-type': image.mediaType }, JSON.stringify(image)));
    upstream.script('GET', /^\/v2\//, reply(307, { location: `${other.origin}/elsewhere` }));
    await read(bench);
    await bench.registry.openBlob(
      await bench.open(upstream.domain),
      { digest: image.config.digest, size: 1_000 },
      { offset: 0 },
      bench.signal,
    );
    upstream.script(
      'GET',
      /^\/v2\//,
      demandToken(`${upstream.origin}/token`, () => false),
    );
    upstream.script('GET', /^\/token/, reply(302, { location: `${other.origin}/token` }));
    await faultOf(read(bench));
    expect(other.requests.map(({ url }) => url.split('?')[0])).toEqual(['/elsewhere', '/elsewhere', '/token']);
    expect(secretsSentTo(other)).toEqual([]);
  });

  it('a challenge of where we are sent to is not answered', async () => {
    other.script('GET', /./, reply(401, { 'www-authenticate': `Basic realm="x"` }));
    upstream.script('GET', /^\/v2\//, reply(307, { location: `${other.origin}/elsewhere` }));
    expect(await faultOf(read(knowing(LOGIN)))).toMatchObject({ code: 'UNAVAILABLE' });
    expect(other.requests).toHaveLength(1);
  });

  it('a credential has an id that says nothing of it and stays when the password changes', async () => {
    const idOf = async (bench: RegistryBench) => (await bench.open(upstream.domain)).identity.id;
    const ids = [
      await idOf(made()),
      await idOf(knowing(LOGIN)),
      await idOf(knowing({ ...LOGIN, password: 'new' })),
      await idOf(knowing({ ...LOGIN, username: 'you' })),
      await idOf(knowing({ token: CANARY })),
    ];
    expect(ids[0]).toBe('anonymous');
    expect(ids[1]).toMatch(/^[0-9a-f]{32}$/);
    expect(ids[2]).toBe(ids[1]);
    expect(new Set(ids).size).toBe(4);
  });
});

describe('addresses', () => {
  let names: Record<string, string[]>;
  beforeEach(() => {
    names = {};
    const answer = (hostname: string, _options: unknown, callback: (...found: unknown[]) => void) => {
      const found = (names[hostname] ?? []).map((address) => ({ address, family: 4 }));
      callback(found.length > 0 ? null : Object.assign(new Error('none'), { code: 'ENOTFOUND' }), found);
    };
    jest.spyOn(dns, 'lookup').mockImplementation(answer as never);
  });
  afterEach(() => jest.restoreAllMocks());

  const ask = async (bench: RegistryBench, domain: string) =>
    faultOf(bench.registry.resolveTag(await bench.open(domain), TAG, bench.signal));

  it.each(['169.254.169.254', '10.0.0.5:5000', '192.168.1.1', '0.0.0.0:5000', '100.100.100.200'])(
    '%s is not contacted unless it is configured',
    async (domain) => {
      expect(await ask(made(), domain)).toMatchObject({
        code: 'DENIED',
        message: expect.stringContaining('ENTREPOT_UPSTREAMS'),
      });
    },
  );

  it('link-local is not contacted even then', async () => {
    const domain = '169.254.169.254';
    expect(await ask(made({ entries: { [domain]: { plainHttp: true } } }), domain)).toMatchObject({ code: 'DENIED' });
  });

  it('loopback is contacted without configuration only where that is allowed', async () => {
    upstream.addManifest('library/node', TAG, image);
    expect((await ask(made(), upstream.domain)).message).toBe('it succeeded');
    expect(await ask(made({ loopbackAllowed: false }), upstream.domain)).toMatchObject({ code: 'DENIED' });
    expect(
      (
        await ask(
          made({ loopbackAllowed: false, entries: { [upstream.domain]: { plainHttp: true } } }),
          upstream.domain,
        )
      ).message,
    ).toBe('it succeeded');
  });

  it('a name that leads to a private address or to loopback leads nowhere', async () => {
    names = { 'evil.test': ['127.0.0.1'], 'inner.test': ['10.0.0.1', '169.254.169.254'] };
    expect(await ask(made(), `evil.test:${upstream.port}`)).toMatchObject({ code: 'DENIED' });
    expect(await ask(made(), 'inner.test')).toMatchObject({ code: 'DENIED' });
    expect(upstream.requests).toEqual([]);
  });

  it('what is refused is said of the upstream that was asked, whoever else was asked before', async () => {
    names = { 'inner.test': ['10.0.0.1'], 'nether.test': ['10.0.0.2'] };
    const bench = made();
    for (const domain of Object.keys(names)) {
      expect(await ask(bench, domain)).toMatchObject({
        message: expect.stringMatching(`^upstream ${domain}: ${domain} has no address.* name ${domain} in the file`),
        detail: { registry: domain, host: domain },
      });
    }
  });

  it('a name is judged by the answer that is connected to: another one later helps nobody', async () => {
    names = { 'registry.test': ['127.0.0.1'] };
    const domain = `registry.test:${upstream.port}`;
    const bench = made({ entries: { [domain]: { plainHttp: true } } });
    expect((await ask(bench, domain)).message).toBe('it succeeded');
    upstream.script('HEAD', /./, (_request, response) =>
      response.writeHead(307, { location: `http://rebound.test:${other.port}/x` }).end(),
    );
    names['rebound.test'] = ['127.0.0.1'];
    const strict = made({ loopbackAllowed: false, entries: { [domain]: { plainHttp: true } } });
    expect(await ask(strict, domain)).toMatchObject({
      code: 'DENIED',
      message: expect.stringContaining('storageHosts'),
    });
    expect(other.requests).toEqual([]);
    const named = made({ entries: { [domain]: { plainHttp: true, storageHosts: [`rebound.test:${other.port}`] } } });
    expect(await ask(named, domain)).toMatchObject({ code: 'UNAVAILABLE' });
    expect(other.requests).toHaveLength(1);
  });

  it('a redirect into loopback or to a private address is not followed', async () => {
    names = { 'public.test': ['127.0.0.1'] };
    const entries = { [`public.test:${upstream.port}`]: { plainHttp: true } };
    for (const target of [`127.0.0.1:${other.port}`, '10.0.0.1', '169.254.169.254', '[::1]:1', '[::ffff:10.0.0.1]']) {
      upstream.script('HEAD', /./, reply(302, { location: `http://${target}/x` }), 1);
      const strict = made({ loopbackAllowed: false, entries });
      expect(await ask(strict, `public.test:${upstream.port}`)).toMatchObject({ code: 'DENIED' });
    }
    expect(other.requests).toEqual([]);
  });
});

describe('TLS', () => {
  let secure: ScriptedUpstream;
  beforeEach(async () => {
    secure = await ScriptedUpstream.start({
      ...LOCALHOST_CERTIFICATE,
      ca: LOCALHOST_CERTIFICATE.cert,
      requestCert: true,
      rejectUnauthorized: false,
    });
    secure.addManifest('library/node', TAG, image);
  });
  afterEach(() => secure.stop());

  const ask = async (entry: object) => {
    const bench = made({ entries: { [secure.domain]: entry } });
    return faultOf(bench.registry.resolveTag(await bench.open(secure.domain), TAG, bench.signal));
  };

  it('a certificate is trusted by the authority that is configured, and not otherwise', async () => {
    expect(await ask({})).toMatchObject({
      code: 'UPSTREAM',
      message: expect.stringContaining('give the authority that signed it as "ca"'),
    });
    expect(secure.requests).toEqual([]);
    expect((await ask({ ca: LOCALHOST_CERTIFICATE.cert })).message).toBe('it succeeded');
  });

  it('our own certificate is shown to the upstream, and to nobody it sends us to', async () => {
    const shown: boolean[] = [];
    const look: Script = (request, response) => {
      shown.push('subject' in (response.socket as TLSSocket).getPeerCertificate());
      return request.url.startsWith('/v2')
        ? response.writeHead(307, { location: `https://localhost:${secure.port}/x` }).end()
        : false;
    };
    secure.script('HEAD', /./, look);
    const { cert: clientCert, key: clientKey } = LOCALHOST_CERTIFICATE;
    await ask({ ca: clientCert, clientCert, clientKey, storageHosts: ['localhost'] });
    expect(shown).toEqual([true, false]);
  });

  it('TLS is not left by a redirect', async () => {
    secure.script('HEAD', /./, reply(302, { location: `${other.origin}/x` }));
    expect(await ask({ ca: LOCALHOST_CERTIFICATE.cert })).toMatchObject({
      code: 'UPSTREAM',
      message: expect.stringContaining('https to http'),
    });
    expect(other.requests).toEqual([]);
  });
});
