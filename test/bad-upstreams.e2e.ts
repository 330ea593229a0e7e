import { randomBytes } from 'node:crypto';
import { freePort } from '#children/free-port';
import { ACCEPTED } from '#testing/docker-registry';
import { Entrepot, SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { addScriptedImage, type ScriptedImage } from '#testing/scripted-image';
import { cutAfter, flood, hang, reply, type Script, ScriptedUpstream, stallAfter } from '#testing/scripted-upstream';

const IMAGE = 'application/vnd.oci.image.manifest.v1+json';
const LAYER = randomBytes(300_000);
const PATIENCE = {
  ...SHORT_TIMES,
  ENTREPOT_ATTEMPTS: '2',
  ENTREPOT_FETCH_HEADERS_MS: '1000',
  ENTREPOT_FETCH_STALL_MS: '1000',
  ENTREPOT_FETCH_MANIFEST_MS: '3000',
};

const html = reply(
  200,
  { 'content-type': 'text/html' },
  '<html><body>Please log in to the hotel network</body></html>',
);
const circle: Script = ({ url }, response) => response.writeHead(307, { location: url }).end();

const MIB = 1024 * 1024;

/** Bytes of endless manifests that were taken from us. */
let flooded = 0;

const endless: Script = (request, response) =>
  flood({ 'content-type': IMAGE }, 100 * MIB, (bytes) => {
    if (request.method === 'GET') flooded += bytes;
  })(request, response);

/** Often enough to be no silence. */
const trickle: Script = (_request, response) => {
  response.writeHead(200, { 'content-type': IMAGE });
  const timer = setInterval(() => response.write(' '), 200);
  response.once('close', () => clearInterval(timer));
};

interface Fault {
  readonly script: Script;
  /** What the operation's reason says. */
  readonly says: RegExp;
  /** Status that a client gets on a miss; any 4xx or 5xx but 500 where absent. */
  readonly status?: number;
}

const MANIFEST_FAULTS: Record<string, Fault> = {
  'never answers': { script: hang(), says: /too long|did not answer|time/i },
  '401 without saying how to log in': { script: reply(401), says: /401|log ?in|credential|authenti/i },
  '403': { script: reply(403, {}, '{"errors":[{"code":"DENIED","message":"no"}]}'), says: /403|denied|refus|may not/i },
  '404': { script: reply(404, {}, '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'), says: /404|not|no /i, status: 404 },
  '429': { script: reply(429, { 'retry-after': '1' }), says: /429|too many|limit/i },
  '500': { script: reply(500, {}, 'oops'), says: /500|fail/i },
  'a page of HTML': { script: html, says: /manifest|html|media type/i },
  'redirects in a circle': { script: circle, says: /circle|redirect/i },
  'a manifest of 100 MiB': {
    script: endless,
    says: /bytes|large|limit|MiB/i,
  },
  'a manifest byte by byte': { script: trickle, says: /too long|did not|time/i },
  'half of a manifest': {
    script: cutAfter(Buffer.alloc(1000, '{'), 500, { 'content-type': IMAGE }),
    says: /cut|broke|closed|connection|short|fail/i,
  },
};

const BLOB_FAULTS: Record<string, Fault> = {
  'is cut off each time': { script: cutAfter(LAYER, 1_000), says: /cut|broke|closed|connection|short|fail|early/i },
  'stands still': { script: stallAfter(LAYER, 1_000), says: /stopped in the middle/ },
  'is shorter than the manifest says': {
    script: reply(200, {}, LAYER.subarray(0, 1000)),
    says: /size|short|bytes|length/i,
  },
  'is longer than the manifest says': {
    script: reply(200, {}, Buffer.concat([LAYER, LAYER])),
    says: /size|long|bytes|length/i,
  },
  'has other bytes': { script: reply(200, {}, Buffer.alloc(LAYER.length, 7)), says: /other bytes than/ },
  'is a page of HTML': { script: html, says: /html|size|bytes|length|media/i },
  'is refused': { script: reply(403), says: /403|denied|refus|may not/i },
  'is not there': { script: reply(404), says: /404|not|no /i },
  'needs a login that we have not': { script: reply(401), says: /401|log ?in|credential|authenti/i },
  'is limited': { script: reply(429, { 'retry-after': '1' }), says: /429|too many|limit/i },
  'is broken there': { script: reply(500, {}, 'oops'), says: /500|fail/i },
  'redirects in a circle': { script: circle, says: /circle|redirect/i },
};

describe('bad upstreams', () => {
  let upstream: ScriptedUpstream;
  let entrepot: Entrepot;
  let serial = 0;

  beforeAll(async () => {
    [upstream, entrepot] = await Promise.all([ScriptedUpstream.start(), Entrepot.start(PATIENCE)]);
  }, 90_000);

  afterAll(async () => {
    await Promise.all([entrepot?.destroy(), upstream?.stop()]);
  }, 60_000);

  const get = (path: string) => fetch(`${entrepot.url}${path}`, { headers: { accept: ACCEPTED } });

  /** An image of one layer under a new name. */
  function addImage(layer = LAYER): ScriptedImage {
    serial += 1;
    return addScriptedImage(upstream, `team/app${serial}`, layer);
  }

  /** Nothing of an image is shown, or kept longer than an upload may be. */
  async function isUntouched({ path }: ScriptedImage): Promise<void> {
    const complete = (await entrepot.images()).filter(
      (image) => path.endsWith(`/${image.repository}`) && image.complete,
    );
    expect(complete).toEqual([]);
  }

  describe('asked for a manifest', () => {
    it.each(Object.entries(MANIFEST_FAULTS))(
      '%s',
      async (_what, { script, says, status }) => {
        const image = addImage();
        for (const method of ['GET', 'HEAD']) upstream.script(method, image.manifestUrl, script);
        const operation = await entrepot.ended(await entrepot.pull(image.reference));
        expect(operation).toMatchObject({ state: 'failed', error: { message: expect.stringMatching(says) } });
        const answer = await get(`${image.path}/manifests/1`);
        const text = await answer.text();
        expect({ status: answer.status, text }).toEqual({
          status: status ?? expect.any(Number),
          text: expect.stringMatching(says),
        });
        expect(answer.status).not.toBe(500);
        expect(answer.status).toBeGreaterThanOrEqual(400);
        await isUntouched(image);
      },
      60_000,
    );

    it('is away', async () => {
      const domain = `127.0.0.1:${await freePort()}`;
      const operation = await entrepot.ended(await entrepot.pull(`${domain}/team/app:1`));
      expect(operation).toMatchObject({ state: 'failed', error: { message: expect.stringContaining(domain) } });
      const answer = await get(`/v2/${domain.replace(':', '_')}/team/app/manifests/1`);
      expect([502, 503]).toContain(answer.status);
    }, 60_000);

    it('says another digest than its bytes have', async () => {
      const image = addImage();
      const bytes = '{"schemaVersion":2}';
      const headers = { 'content-type': IMAGE, 'docker-content-digest': `sha256:${'a'.repeat(64)}` };
      for (const method of ['GET', 'HEAD']) upstream.script(method, image.manifestUrl, reply(200, headers, bytes));
      const operation = await entrepot.ended(await entrepot.pull(image.reference));
      expect(operation).toMatchObject({
        state: 'failed',
        error: { message: expect.stringMatching(/manifest that is not sha256:aaa/) },
      });
      await isUntouched(image);
    }, 60_000);
  });

  describe('asked for a layer that', () => {
    it.each(Object.entries(BLOB_FAULTS))(
      '%s',
      async (_what, { script, says }) => {
        const layer = randomBytes(LAYER.length);
        const image = addImage(layer);
        upstream.script('GET', image.layerUrl, script);
        const operation = await entrepot.ended(await entrepot.pull(image.reference));
        expect(operation).toMatchObject({ state: 'failed', error: { message: expect.stringMatching(says) } });
        await isUntouched(image);
        const answer = await get(`${image.path}/blobs/${image.layer}`);
        const body = await answer.arrayBuffer().catch(() => null);
        expect(answer.ok && body !== null).toBe(false);
      },
      60_000,
    );
  });

  it('are read no further than a manifest may be long', () => {
    expect(flooded).toBeGreaterThan(4 * MIB);
    expect(flooded).toBeLessThan(60 * MIB);
  });

  it('that come back after a failure are asked again, and the pull is whole', async () => {
    const layer = randomBytes(LAYER.length);
    const image = addImage(layer);
    upstream.script('GET', image.layerUrl, reply(503), 1);
    upstream.script('GET', image.manifestUrl, reply(500), 1);
    await entrepot.completed(await entrepot.pull(image.reference));
    const answer = await get(`${image.path}/blobs/${image.layer}`);
    expect(Buffer.from(await answer.arrayBuffer()).equals(layer)).toBe(true);
  }, 60_000);

  it('a client that hangs up in the middle: the layer comes here all the same', async () => {
    const layer = randomBytes(20_000_000);
    const image = addImage(layer);
    await (await get(`${image.path}/manifests/1`)).arrayBuffer();
    const hangUp = new AbortController();
    const answer = await fetch(`${entrepot.url}${image.path}/blobs/${image.layer}`, { signal: hangUp.signal });
    await answer.body!.getReader().read();
    hangUp.abort();
    const again = await get(`${image.path}/blobs/${image.layer}`);
    expect(Buffer.from(await again.arrayBuffer()).equals(layer)).toBe(true);
    expect(upstream.count('GET', image.layerUrl)).toBe(1);
  }, 60_000);

  it('have left nothing that does not belong', async () => {
    await eventually('what failed is cleaned up', async () => (await entrepot.fsck()).length === 0);
    expect((await entrepot.ask('GET', '/readyz')).status).toBe(200);
    expect(entrepot.log).not.toMatch(/unhandled|uncaught/i);
  });
});
