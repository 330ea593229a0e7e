import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { ACCEPTED } from '#testing/docker-registry';
import { Entrepot, SHORT_TIMES } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { folderSize } from '#testing/folder-size';
import { addScriptedImage, type ScriptedImage } from '#testing/scripted-image';
import { cutAfter, hang, reply, type Script, ScriptedUpstream, stallAfter } from '#testing/scripted-upstream';

const SIZE = 3_000_000;
const MIDDLE = SIZE / 2;
const PATIENCE = {
  ...SHORT_TIMES,
  ENTREPOT_ATTEMPTS: '2',
  ENTREPOT_FETCH_HEADERS_MS: '1000',
  ENTREPOT_FETCH_STALL_MS: '1000',
  ENTREPOT_FETCH_MANIFEST_MS: '3000',
};

const html = reply(200, { 'content-type': 'text/html' }, '<html><body>Please log in</body></html>');
const circle: Script = ({ url }, response) => response.writeHead(302, { location: url }).end();
const elsewhere: Script = (_request, response) =>
  response.writeHead(307, { location: 'http://169.254.169.254/latest/meta-data' }).end();

/** What a client was given: an error as the specification has it, or a status and so many bytes, cut or whole. */
interface Given {
  readonly status: number;
  readonly code: string | undefined;
  readonly received: number;
  readonly isWhole: boolean;
}

async function give(answer: Response): Promise<Given> {
  const parts: Uint8Array[] = [];
  let isWhole = true;
  try {
    for await (const part of answer.body ?? []) parts.push(part);
  } catch {
    isWhole = false;
  }
  const body = Buffer.concat(parts);
  const received = body.byteLength;
  if (answer.ok) return { status: answer.status, code: undefined, received, isWhole };
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  const { errors } = JSON.parse(body.toString());
  expect(errors).toEqual([expect.objectContaining({ code: expect.any(String), message: expect.any(String) })]);
  return { status: answer.status, code: errors[0].code, received, isWhole };
}

const flipped = (layer: Buffer): Buffer => {
  const other = Buffer.from(layer);
  other[MIDDLE] = (other[MIDDLE] ?? 0) ^ 1;
  return other;
};

/** How a layer comes that does not, and whether a client has bytes of it before that shows. */
const LAYER_FAULTS: Record<string, { script: (layer: Buffer) => Script; begins: boolean }> = {
  'has another byte in its middle': { script: (layer) => reply(200, {}, flipped(layer)), begins: true },
  'has other bytes from its middle on': {
    script: (layer) => reply(200, {}, Buffer.concat([layer.subarray(0, MIDDLE), randomBytes(MIDDLE)])),
    begins: true,
  },
  'ends in its middle, and says that this is all': {
    script: (layer) => reply(200, {}, layer.subarray(0, MIDDLE)),
    begins: true,
  },
  'breaks in its middle': { script: (layer) => cutAfter(layer, MIDDLE), begins: true },
  'stands still in its middle': { script: (layer) => stallAfter(layer, MIDDLE), begins: true },
  'goes on after its end': {
    script: (layer) => reply(200, { 'transfer-encoding': 'chunked' }, Buffer.concat([layer, Buffer.alloc(100_000)])),
    begins: true,
  },
  'is longer than its manifest says': {
    script: (layer) => reply(200, {}, Buffer.concat([layer, layer])),
    begins: false,
  },
  'never comes': { script: () => hang(), begins: false },
  'is a web page': { script: () => html, begins: false },
  'leads in a circle': { script: () => circle, begins: false },
  'leads to an address that is nobody’s': { script: () => elsewhere, begins: false },
  'is not there': { script: () => reply(404), begins: false },
  'is refused': { script: () => reply(403), begins: false },
};

const MANIFEST_FAULTS: Record<string, Script> = {
  'a web page': html,
  'a circle of redirects': circle,
  'a way to an address that is nobody’s': elsewhere,
  'half of itself': cutAfter(Buffer.alloc(1_000, '{'), 500, {
    'content-type': 'application/vnd.oci.image.manifest.v1+json',
  }),
  silence: hang(),
};

describe('a client that reads from a hostile upstream', () => {
  let upstream: ScriptedUpstream;
  let entrepot: Entrepot;
  let serial = 0;

  beforeAll(async () => {
    upstream = await ScriptedUpstream.start();
    entrepot = await Entrepot.start(PATIENCE);
  }, 90_000);

  afterAll(async () => {
    await Promise.all([entrepot?.destroy(), upstream?.stop()]);
  }, 60_000);

  const get = (path: string) => fetch(`${entrepot.url}${path}`, { headers: { accept: ACCEPTED } });

  function addImage(layer: Buffer): ScriptedImage {
    serial += 1;
    return addScriptedImage(upstream, `team/app${serial}`, layer);
  }

  describe('and is sent, for a manifest,', () => {
    it.each(Object.entries(MANIFEST_FAULTS))(
      '%s gets an error of the specification, and nothing is kept',
      async (_what, script) => {
        const image = addImage(randomBytes(1_000));
        for (const method of ['HEAD', 'GET']) upstream.script(method, image.manifestUrl, script);
        const given = await give(await get(`${image.path}/manifests/1`));
        expect([403, 502, 503]).toContain(given.status);
        expect((await entrepot.images()).filter(({ repository }) => image.path.endsWith(repository))).toEqual([]);
      },
      60_000,
    );
  });

  describe('for a layer that', () => {
    it.each(Object.entries(LAYER_FAULTS))(
      '%s never has the whole of it, and is not left waiting',
      async (_what, { script, begins }) => {
        const layer = randomBytes(SIZE);
        const image = addImage(layer);
        upstream.script('GET', image.layerUrl, script(layer));
        expect((await get(`${image.path}/manifests/1`)).status).toBe(200);
        const given = await give(await get(`${image.path}/blobs/${image.layer}`));
        if (given.status === 200) expect(given.isWhole).toBe(false);
        else expect(given.status).toBeGreaterThanOrEqual(400);
        expect(given.status).not.toBe(500);
        expect(given.received).toBeLessThan(SIZE);
        if (begins) expect(given.received).toBeGreaterThan(0);
        const range = { headers: { range: `bytes=0-${SIZE - 1}` } };
        const answer = await fetch(`${entrepot.url}${image.path}/blobs/${image.layer}`, range);
        const part = await give(answer);
        // Parts are given before the digest is known, and say so.
        if (part.status < 300 && part.isWhole) expect(answer.headers.get('warning')).toContain('not yet verified');
        const again = await give(await get(`${image.path}/blobs/${image.layer}`));
        expect(again.status < 300 && again.isWhole).toBe(false);
      },
      60_000,
    );
  });

  it('gets what is whole from the same upstream all the same', async () => {
    const layer = randomBytes(SIZE);
    const image = addImage(layer);
    upstream.script('GET', image.layerUrl, reply(200, {}, flipped(layer)), 1);
    await get(`${image.path}/manifests/1`);
    await eventually('the layer is whole', async () => {
      const answer = await get(`${image.path}/blobs/${image.layer}`);
      return Buffer.from(await answer.arrayBuffer()).equals(layer);
    });
  }, 60_000);

  it('and nothing of all that is left', async () => {
    await eventually('no bytes', async () => (await folderSize(join(entrepot.data, 'blobs'))) < 2 * SIZE);
    await eventually('no fault', async () => (await entrepot.fsck()).length === 0);
    const complete = (await entrepot.images()).filter((image) => image.complete);
    expect(complete).toHaveLength(1);
    expect((await entrepot.ask('GET', '/readyz')).status).toBe(200);
    expect(entrepot.log).not.toMatch(/unhandled|uncaught/i);
  }, 60_000);
});
