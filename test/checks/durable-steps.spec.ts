import { PlantedTree } from './planted-tree';

const KEPT = {
  'apps/blobs/src/driver/folder.driver.ts': `
    import { rename } from 'node:fs/promises';
    import { durable } from '#config/failpoint';
    export class FolderDriver {
      keep(from: string, to: string) { return durable('blobs.rename-object', () => rename(from, to)); }
      seal(file: { datasync(): Promise<void> }) { return durable('blobs.fsync-extent', () => this.flush(file)); }
      private flush(file: { datasync(): Promise<void> }) { return file.datasync(); }
    }`,
  'apps/metadata/src/database/database.ts': `
    import { durable } from '#config/failpoint';
    export class Database {
      transaction(step: string, run: () => Promise<void>) {
        return durable(step, async () => { await run(); await this.runner.commitTransaction(); });
      }
      private runner = { commitTransaction: async () => {} };
    }`,
  'apps/metadata/src/sessions.store.ts': `
    export const finish = (database: any) => database.transaction('metadata.finish-session', async () => {});`,
};

const PLANTED: readonly [rule: string, file: string, text: string, said: RegExp][] = [
  [
    'a rename',
    'apps/blobs/src/a.ts',
    `import { rename } from 'node:fs/promises';\nexport const a = () => rename('x', 'y');`,
    /a\.ts:2: rename outside/,
  ],
  ['an fsync', 'apps/blobs/src/b.ts', 'export const b = (file: any) => file.datasync();', /b\.ts:1: an fsync outside/],
  [
    'a storage call',
    'apps/blobs/src/c.ts',
    `export const c = (client: any) => client.removeObject('b', 'k');`,
    /c\.ts:1: a storage call outside/,
  ],
  [
    'a commit',
    'apps/metadata/src/d.ts',
    `export const d = (sql: any) => sql.query('COMMIT');`,
    /d\.ts:1: a commit outside/,
  ],
  [
    'a transaction of the library',
    'apps/metadata/src/e.ts',
    'export const e = (source: any) => source.transaction(async () => {});',
    /e\.ts:1: a transaction without a step/,
  ],
  [
    'a publish',
    'libs/messaging/src/f.ts',
    `export const f = (js: any) => js.publish('s', 'p');`,
    /f\.ts:1: a publish outside/,
  ],
  ['an ack', 'libs/messaging/src/g.ts', 'export const g = (message: any) => message.ack();', /g\.ts:1: an ack outside/],
  [
    'a name that is no literal',
    'apps/gc/src/h.ts',
    'export const h = (n: string) => durable(n, async () => {});',
    /h\.ts:1: the name of a step is a literal/,
  ],
  [
    'a name of another form',
    'apps/gc/src/i.ts',
    `export const i = () => durable('sweeping', async () => {});`,
    /i\.ts:1: "sweeping" is not/,
  ],
  [
    'a name that another step has',
    'apps/gc/src/j.ts',
    `export const j = () => durable('blobs.rename-object', async () => {});`,
    /the step "blobs\.rename-object" is already at/,
  ],
  [
    'a function of its own, called once outside',
    'apps/blobs/src/k.ts',
    `import { rename } from 'node:fs/promises';
     const put = () => rename('x', 'y');
     export const good = () => durable('blobs.put-thing', () => put());
     export const bad = () => put();`,
    /k\.ts:2: rename outside/,
  ],
];

describe('every durable thing stands in a named step, so that a failpoint stands before and after it', () => {
  const tree = new PlantedTree(KEPT);
  afterAll(() => tree.remove());

  it('passes what stands in a step, in a function that takes its name, or in one that only steps call', () => {
    expect(tree.check('durable steps')).toEqual({
      passed: true,
      output: expect.stringContaining('ok   durable steps'),
    });
  });

  describe('names each that does not', () => {
    let output = '';
    beforeAll(() => {
      tree.plant(Object.fromEntries(PLANTED.map(([, file, text]) => [file, text])));
      const checked = tree.check('durable steps');
      expect(checked.passed).toBe(false);
      output = checked.output;
    });

    it.each(PLANTED)('%s', (_rule, _file, _text, said) => {
      expect(output).toMatch(said);
    });
  });
});
