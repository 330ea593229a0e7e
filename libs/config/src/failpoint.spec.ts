import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

describe('failpoints', () => {
  let folder: string;
  const file = () => join(folder, 'failpoints');

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'entrepot-failpoint-'));
    jest.resetModules();
  });
  afterEach(async () => {
    delete process.env.ENTREPOT_FAILPOINTS;
    await rm(folder, { recursive: true });
  });

  /** What is asked for is read once in the life of a process. */
  function asked(text: string | undefined) {
    if (text !== undefined) process.env.ENTREPOT_FAILPOINTS = text;
    return jest.requireActual<typeof import('./failpoint')>('./failpoint');
  }
  const run = async () => 'done';

  test('do nothing unless asked for', async () => {
    const { durable } = asked(undefined);
    expect(await durable('metadata.do-it', run)).toBe('done');
  });

  test('act at the passing that is named', async () => {
    const { durable } = asked('metadata.do-it:after=error@2');
    expect(await durable('metadata.do-it', run)).toBe('done');
    await expect(durable('metadata.do-it', run)).rejects.toThrow('failpoint metadata.do-it:after');
    expect(await durable('metadata.do-it', run)).toBe('done');
  });

  test('in a file are what it says when they are passed', async () => {
    await writeFile(file(), '');
    const { durable } = asked(`file:${file()}`);
    expect(await durable('metadata.do-it', run)).toBe('done');
    await writeFile(file(), 'metadata.do-it:before=error');
    await expect(durable('metadata.do-it', run)).rejects.toThrow('failpoint metadata.do-it:before');
    const turns = durable('metadata.other', () => writeFile(file(), 'metadata.other:after=error'));
    await expect(turns).rejects.toThrow('failpoint metadata.other:after');
  });

  test.each(['x', 'metadata.do-it=kill', 'metadata.do-it:before=explode'])('%j is none', async (text) => {
    const { readFailpoints } = asked(text);
    expect(() => readFailpoints()).toThrow(/ENTREPOT_FAILPOINTS/);
  });
});
