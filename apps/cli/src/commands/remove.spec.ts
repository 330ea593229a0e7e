import { completed, digestOf, OPERATION, sampleOperation } from '../sample-answers.testing';
import { events, problem, ScriptedWarehouse } from '../scripted-warehouse.testing';

const EVENTS = `GET /api/v1/operations/${OPERATION}/events` as const;
const outcome = { removed: ['docker.io/library/alpine:3'], removedCount: 1, left: [], leftCount: 0 };

describe('entrepot rm', () => {
  let warehouse: ScriptedWarehouse;
  beforeAll(async () => {
    warehouse = await ScriptedWarehouse.start();
  });
  beforeEach(() => {
    warehouse.on('DELETE /api/v1/images', { status: 202, json: sampleOperation({ kind: 'remove' }) });
    warehouse.on(EVENTS, events(['operation', '1', completed(outcome, { kind: 'remove' })]));
  });
  afterEach(() => warehouse.clear());
  afterAll(() => warehouse.stop());

  it('removes, waits, and says what went', async () => {
    const { code, out, err } = await warehouse.run(['rm', 'alpine:3', '--force']);
    expect({ code, out, err }).toEqual({ code: 0, out: 'removed docker.io/library/alpine:3\n', err: '' });
    expect(warehouse.asked[0]!.query).toEqual({ reference: 'alpine:3', force: 'true' });
    expect(JSON.parse((await warehouse.run(['rm', 'a', '-o', 'json'])).out)).toMatchObject(outcome);
  });

  it('of several does each, says which was refused, and ends with the code of the first of these', async () => {
    const deleted = { status: 202, json: sampleOperation({ kind: 'remove' }) };
    warehouse.on(
      'DELETE /api/v1/images',
      problem(409, 'CONFLICT', 'web uses it'),
      deleted,
      problem(404, 'NOT_FOUND', 'it is not here'),
    );
    const { code, out, err } = await warehouse.run(['rm', 'one', 'two', 'three', '-o', 'name']);
    expect({ code, out }).toEqual({ code: 5, out: 'docker.io/library/alpine:3\n' });
    expect(err).toBe('error: one: web uses it\nerror: three: it is not here\n');
  });

  describe('what is in the way is said with the options that would do it, as the answer has them for programs', () => {
    const inTheWay = 'web uses it: end it (withContainers)';
    const both = ['withContainers', 'withRunning'];
    const detail = 'whatever is said to people, withContainers, or force it';

    it.each([
      [
        both,
        'error: web uses it: end it (withContainers), or with it (--with-containers and --with-running), or --force',
      ],
      [['withRunning'], 'error: web uses it: end it (withContainers), or with it (--with-running), or --force'],
      [[], 'error: web uses it: end it (withContainers), or --force'],
    ])('%j', async (fields, said) => {
      warehouse.on('DELETE /api/v1/images', problem(409, 'CONFLICT', detail, { about: { inTheWay, fields } }));
      const { code, err } = await warehouse.run(['rm', 'a']);
      expect({ code, err }).toEqual({ code: 5, err: `${said}, which takes its names only\n` });
    });

    it.each([{ inTheWay, fields: ['withFuture'] }, { parents: [] }, 'web', undefined])(
      'what is not known of %j is said as it came',
      async (about) => {
        warehouse.on('DELETE /api/v1/images', problem(409, 'CONFLICT', detail, { about }));
        expect(await warehouse.run(['rm', 'a'])).toMatchObject({ code: 5, err: `error: ${detail}\n` });
      },
    );

    it('also where it came to be in the way after the remove was taken in', async () => {
      const error = { code: 'CONFLICT', message: detail, detail: { inTheWay, fields: both } };
      const failed = completed({}, { kind: 'remove', state: 'failed', outcome: null, error });
      warehouse.on(EVENTS, events(['operation', '1', failed]));
      expect((await warehouse.run(['rm', 'a'])).err).toContain('or with it (--with-containers and --with-running)');
    });
  });

  it('--no-wait answers with the operation', async () => {
    expect(await warehouse.run(['rm', 'a', '--no-wait', '-o', 'name'])).toMatchObject({
      code: 0,
      out: `${OPERATION}\n`,
    });
  });

  it('--now tells what the server says would go, takes only yes for one, and asks nobody where nobody is', async () => {
    const word = 'a'.repeat(32);
    const about = { goes: 'this goes for good: a\x1b[2J.', confirm: word };
    const refusal = problem(412, 'PRECONDITION', `for people, with confirm ${'b'.repeat(32)}`, { about });
    const unconfirmed = () => warehouse.on('DELETE /api/v1/images', refusal);
    const accepted = { status: 202, json: sampleOperation({ kind: 'remove' }) };
    unconfirmed();
    const nobody = await warehouse.run(['rm', 'a', '--now']);
    expect(nobody).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringMatching(/this goes for good: a\\u001b\[2J\.\n.*--yes/),
    });
    const onQuestion = jest.fn();
    expect(await warehouse.run(['rm', 'a', '--now'], { answer: '', onQuestion })).toMatchObject({ code: 1, out: '' });
    expect(onQuestion.mock.lastCall).toEqual([expect.stringContaining('this goes for good: a\\u001b[2J.\nRemove it')]);
    expect(warehouse.asked).toHaveLength(2);
    for (const [words, answer] of [
      [[], 'y'],
      [['--yes'], null],
    ] as const) {
      warehouse.asked.length = 0;
      warehouse.on('DELETE /api/v1/images', refusal, accepted);
      expect(await warehouse.run(['rm', 'a', '--now', ...words], { answer })).toMatchObject({ code: 0 });
      expect(warehouse.asked[0]!.query).toEqual({ reference: 'a', now: 'true' });
      expect(warehouse.asked[1]!.query).toEqual({ reference: 'a', now: 'true', confirm: word });
    }
    const other = { goes: 'things changed: a and b.', confirm: 'c'.repeat(32) };
    warehouse.on('DELETE /api/v1/images', refusal, problem(412, 'PRECONDITION', 'for people', { about: other }));
    expect(await warehouse.run(['rm', 'a', '--now', '--yes'])).toMatchObject({
      code: 5,
      err: `error: ${other.goes}\n`,
    });
  });

  it('a refusal that says only in a sentence what would confirm it is not confirmed', async () => {
    const said = `To have that done, ask again with confirm ${'a'.repeat(32)}`;
    warehouse.on('DELETE /api/v1/images', problem(412, 'PRECONDITION', said));
    expect(await warehouse.run(['rm', 'a', '--now', '--yes'])).toMatchObject({ code: 5, err: `error: ${said}\n` });
    expect(warehouse.asked).toHaveLength(1);
  });

  it('takes containers with it where that is said, and running ones where that is said as well', async () => {
    await warehouse.run(['rm', 'a', '--with-containers', '--with-running']);
    expect(warehouse.asked[0]!.query).toEqual({ reference: 'a', withContainers: 'true', withRunning: 'true' });
    expect(await warehouse.run(['rm', 'a', '--with-running'])).toMatchObject({ code: 2, out: '' });
  });

  it('says how many more went than it names, what was left alone, and each name as one types it', async () => {
    const removed = ['docker.io/library/alpine:3', `team/app@${digestOf('app')}`];
    const many = { removed, removedCount: 4, left: ['b:1 names another image now'], trash: ['7'] };
    warehouse.on(EVENTS, events(['operation', '1', completed(many)]));
    expect((await warehouse.run(['rm', 'a'])).out).toBe(
      `removed docker.io/library/alpine:3\nremoved ${warehouse.host}/team/app@${digestOf('app')}\nremoved 2 more\nleft alone b:1 names another image now\nto have it back: entrepot restore 7\n`,
    );
  });

  it('for good, of one tag of several, says that the image stays', async () => {
    const { code, err } = await warehouse.run(['rm', 'a:1', '--now']);
    expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(/^a:1: its image stays under .* digest/) });
    const whole = { ...outcome, removed: [...outcome.removed, `docker.io/library/alpine@${digestOf('alpine')}`] };
    warehouse.on(EVENTS, events(['operation', '1', completed({ ...whole, removedCount: 2 })]));
    expect(await warehouse.run(['rm', 'a:1', '--now'])).toMatchObject({ code: 0, err: '' });
  });

  it('of nothing is typed wrongly', async () =>
    expect(await warehouse.run(['rm'])).toMatchObject({ code: 2, out: '' }));
});
