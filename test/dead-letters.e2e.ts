import { Entrepot } from '#testing/entrepot';
import { eventually } from '#testing/eventually';
import { NatsWire } from '#testing/nats-wire';

const SUBJECT = 'entrepot.request.pull';
const GARBAGE = '{"reference": half of a JSON';
const ROW = /^(\d+) {2}(\S+) {2}(\S+) {2}(\d+ bytes?) {2}(.+)$/;

describe('dead letters are seen, sent again and thrown away', () => {
  let entrepot: Entrepot;

  beforeAll(async () => {
    entrepot = await Entrepot.start();
  }, 90_000);

  afterAll(() => entrepot?.destroy(), 60_000);

  async function admin(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await entrepot.admin('dead-letters', ...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout.trimEnd();
  }

  async function rows(): Promise<{ id: string; time: string; subject: string; size: string; reason: string }[]> {
    const lines = (await admin('list')).split('\n');
    return lines.flatMap((line) => {
      const [, id = '', time = '', subject = '', size = '', reason = ''] = ROW.exec(line) ?? [];
      return id ? [{ id, time, subject, size, reason }] : [];
    });
  }

  const untilThere = (count: number) =>
    eventually(`${count} dead letters`, async () => {
      const found = await rows();
      return found.length === count && found;
    });

  it('none, where none is', async () => {
    expect(await admin()).toBe('no dead letters');
  });

  it('an empty message and garbage, from a bare socket, are listed, shown, replayed and dropped', async () => {
    const wire = await NatsWire.connect(entrepot.natsUrl);
    await wire.publish(SUBJECT, '');
    await wire.publish(SUBJECT, GARBAGE);
    wire.close();
    const [empty, garbage] = (await untilThere(2)).sort((one, other) => one.size.localeCompare(other.size));
    expect(empty).toMatchObject({ subject: SUBJECT, size: '0 bytes', reason: expect.stringMatching(/\w/) });
    expect(garbage).toMatchObject({ subject: SUBJECT, size: `${GARBAGE.length} bytes` });
    expect(garbage?.reason).toMatch(/JSON/);
    expect(Math.abs(Date.parse(garbage?.time ?? '') - Date.now())).toBeLessThan(600_000);

    const shown = await admin('show', garbage!.id);
    expect(shown).toContain(garbage!.reason);
    expect(shown.split('\n').at(-1)).toBe(GARBAGE);
    expect(await admin('show', empty!.id)).toMatch(/^payload: +empty$/m);

    expect(await admin('replay', garbage!.id)).toBe(`published ${garbage!.id} again`);
    const [again] = (await untilThere(2)).filter(({ size }) => size === garbage!.size);
    expect(again).toMatchObject({ subject: SUBJECT, reason: garbage!.reason });
    expect(again!.id).not.toBe(garbage!.id);

    for (const { id } of await rows()) expect(await admin('drop', id)).toBe(`dropped ${id}`);
    expect(await admin('list')).toBe('no dead letters');
  }, 120_000);

  it('an id that is none is said in one line', async () => {
    const gone = await entrepot.admin('dead-letters', 'drop', '999');
    expect(gone).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^.*dead letter 999.*\n$/) });
    const word = await entrepot.admin('dead-letters', 'show', 'latest');
    expect(word).toMatchObject({ code: 2, stderr: expect.stringContaining('"latest" is no id') });
  });

  it('without a program that runs, it says that it needs one', async () => {
    await entrepot.stop();
    const { code, stderr } = await entrepot.admin('dead-letters', 'list');
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/^No Entrepot runs on .*start it.*\n$/),
    });
  });
});
