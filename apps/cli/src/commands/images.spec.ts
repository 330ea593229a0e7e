import { digestOf, sampleImage } from '../sample-answers.testing';
import { ScriptedWarehouse } from '../scripted-warehouse.testing';

describe('entrepot images', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

  const id = digestOf('alpine').slice(7, 19);

  it('is a table with a line for each name, sizes with units', async () => {
    warehouse.on('GET /api/v1/images', { json: [sampleImage(), sampleImage({ tags: [], complete: false })] });
    const { code, out, err } = await warehouse.run(['images']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^REPOSITORY +TAG +ID +PLATFORMS +SIZE +HERE SINCE +LAST PULL$/);
    expect(lines[1]).toMatch(new RegExp(`^docker.io/library/alpine +3 +${id} +linux/amd64 +3.46 MB +`));
    expect(lines[2]).toMatch(/ latest /);
    expect(lines[3]).toMatch(/ <none> .* 3.46 MB …/);
  });

  it('has whole digests with --no-trunc, all bytes in json and yaml, and names to be pasted', async () => {
    const image = sampleImage();
    warehouse.on('GET /api/v1/images', { json: [image] });
    expect((await warehouse.run(['images', '--no-trunc'])).out).toContain(digestOf('alpine'));
    expect(JSON.parse((await warehouse.run(['images', '-o', 'json'])).out)).toEqual([image]);
    expect((await warehouse.run(['--output', 'yaml', 'images'])).out).toContain('size: 3456789');
    expect((await warehouse.run(['images', '--output', 'name'])).out).toBe(
      'docker.io/library/alpine:3\ndocker.io/library/alpine:latest\n',
    );
    warehouse.on('GET /api/v1/images', { json: [sampleImage({ repository: 'team/app', tags: [] })] });
    expect((await warehouse.run(['images', '-o', 'name'])).out).toBe(
      `${warehouse.host}/team/app@${digestOf('alpine')}\n`,
    );
  });

  it('what a newer server says beside it is in json too', async () => {
    warehouse.on('GET /api/v1/images', { json: [sampleImage({ novelty: 1 })] });
    expect(JSON.parse((await warehouse.run(['images', '-o', 'json'])).out)[0].novelty).toBe(1);
  });

  it('asks with every filter', async () => {
    warehouse.on('GET /api/v1/images', { json: [] });
    const words =
      'docker.io/* --tag 3* --label a --label b=c --platform linux/arm64 --dangling --unused --before 2026-01-31 --since 2025-01-31 --min-size 1kB --max-size 1GiB --sort size --limit 7';
    expect(await warehouse.run(['images', ...words.split(' ')])).toMatchObject({ code: 0, err: '' });
    expect(warehouse.asked[0]!.query).toEqual({
      repository: 'docker.io/*',
      tag: '3*',
      label: ['a', 'b=c'],
      platform: 'linux/arm64',
      dangling: 'true',
      inUse: 'false',
      before: '2026-01-31T00:00:00.000Z',
      since: '2025-01-31T00:00:00.000Z',
      minSize: '1000',
      maxSize: '1073741824',
      sort: 'size',
      limit: '7',
    });
    await warehouse.run(['images', '--no-dangling', '--used']);
    expect(warehouse.asked[1]!.query).toMatchObject({ dangling: 'false', inUse: 'true' });
  });

  it('reads all pages, and no more of them than are wanted', async () => {
    const page = (tag: string, next?: string) => ({
      json: [sampleImage({ tags: [tag] })],
      headers: next ? { Link: `</api/v1/images?limit=1000&after=${next}>; rel="next"` } : {},
    });
    warehouse.on('GET /api/v1/images', page('a', 'x'), page('b', 'y'), page('c'));
    expect((await warehouse.run(['images', '-o', 'name'])).out.split('\n')).toHaveLength(4);
    expect(warehouse.asked.map(({ query }) => query.after)).toEqual([undefined, 'x', 'y']);
    warehouse.on('GET /api/v1/images', page('a', 'x'));
    const cut = await warehouse.run(['images', '--limit', '1'], { isTerminal: true, env: { NO_COLOR: '1' } });
    expect(cut.out.trimEnd().split('\n')).toHaveLength(2);
    expect(cut.err).toContain('there are more');
  });

  it('is coloured on a terminal alone, and not where NO_COLOR says so', async () => {
    warehouse.on('GET /api/v1/images', { json: [] });
    expect((await warehouse.run(['images'], { isTerminal: true })).out).toContain('\x1b[1m');
    expect((await warehouse.run(['images'], { isTerminal: true, env: { NO_COLOR: '1' } })).out).not.toContain('\x1b');
    expect((await warehouse.run(['images'])).out).not.toContain('\x1b');
  });

  it.each([
    [['images', '--min-size', 'big']],
    [['images', '--before', 'yesterday']],
    [['images', '--sort', 'colour']],
    [['images', '--limit', '0']],
    [['images', '--used', '--unused']],
    [['images', 'a', 'b']],
    [['images', '--bogus']],
    [['images', '-o', 'xml']],
    [['--url', 'ftp://x', 'images']],
    [['bogus']],
    [[]],
  ])('%j is typed wrongly: nothing is asked, nothing is on stdout', async (words) => {
    const { code, out, err } = await warehouse.run(words);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).not.toBe('');
    expect(warehouse.asked).toEqual([]);
  });

  it('an address that is none is told by the name of its setting', async () => {
    const { code, err } = await warehouse.run(['images'], { env: { ENTREPOT_URL: 'nonsense' } });
    expect(code).toBe(2);
    expect(err).toMatch(/^error: ENTREPOT_URL must be an address/);
  });
});
