import { randomUUID } from 'node:crypto';
import { MOST_REFERENCES, type RemoveOutcome } from '#contracts/bodies/remove';
import type { Operation, OperationKind } from '#contracts/operation';
import { ANONYMOUS } from '#contracts/principal';
import { OCI_LAYER_GZIP } from '#oci/media-type';
import type { RegistryError } from '#oci/registry-error';
import { interleave } from '../database/two-at-once.testing';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  type MadeManifest,
  type Metadata,
  openMetadata,
  purgeAll,
  repositoryName,
  reviewAll,
  someBytes,
} from '../metadata.testing';
import { OperationWorkStore } from '../operation/operation-work.store';
import { RemoveImageHandler } from './remove-image.handler';

const NODE = 'docker.io/library/node';
const APP = repositoryName('team/app');
const HERE = 'localhost:5050';

describe('a remove', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata({
      ENTREPOT_REVIEW_DELAY_MS: 0,
      ENTREPOT_GRACE_MS: 0,
      ENTREPOT_KEEP_PULLED_MS: 0,
      ENTREPOT_PIN_MS: 1,
      ENTREPOT_PIN_WRITE_MS: 0,
    });
    await metadata.presence.beat();
  });
  afterAll(() => metadata?.stop());
  beforeEach(() =>
    metadata.database.read(
      'TRUNCATE repository, manifest, blob, object, operation, review, trash, container, outbox CASCADE',
    ),
  );
  afterEach(async () => {
    expect(await metadata.rows.check()).toEqual([]);
  });

  const rows = <Row>(text: string, params: unknown[] = []) => metadata.database.read<Row>(text, params);
  const ask = async (kind: OperationKind, body: object, m = metadata): Promise<Operation> =>
    (await m.operations.accept({ principal: ANONYMOUS, requestId: randomUUID(), kind, body: { ...body } })).operation;
  const remove = async (body: object, m = metadata) => (await ask('remove', body, m)).outcome as RemoveOutcome;
  const tag = (source: string, target: string) => ask('tag', { source, target: `${HERE}/${target}` });
  const names = async () =>
    (
      await rows<{ name: string }>(
        `SELECT repository.name || ':' || tag.name AS name FROM tag JOIN repository ON repository.id = repository_id ORDER BY 1`,
      )
    ).map(({ name }) => name);
  const contains = async (name: string, image: string, state = 'exited', reporter: string | null = null) => {
    const { outcome } = await ask('container-create', { image, name });
    if (reporter !== null)
      await rows(`INSERT INTO reporter (name, principal, holder, lease_ms, leased_until)
        VALUES ('${reporter}', 'p', 'h', 1, now()) ON CONFLICT DO NOTHING`);
    await rows('UPDATE container SET state = $2, reporter = $3, reported_id = $3 WHERE name = $1', [
      name,
      state,
      reporter,
    ]);
    return outcome as { container: string };
  };
  const containers = async () =>
    (await rows<{ name: string }>('SELECT name FROM container ORDER BY name')).map(({ name }) => name);

  /** Runs the parts of what was too much for one transaction. */
  async function drain(): Promise<RemoveOutcome & { parts: number }> {
    const { database, config } = metadata;
    const [claim] = (await new OperationWorkStore(database, config).claim('spec', ['remove'], 1)).operations;
    const removes = new RemoveImageHandler(database, config);
    for (let parts = 1; ; parts += 1) {
      const { more, ...outcome } = await removes.remove(claim!);
      if (!more) return { ...outcome, parts };
    }
  }

  /** Images of this installation, each under its name; nothing of their upstream is left. */
  async function ours(...targets: string[]): Promise<MadeManifest[]> {
    const images: MadeManifest[] = [];
    for (const target of targets) {
      const image = anImage();
      await fetchWhole(metadata, NODE, image, { tag: 'once' });
      await tag('node:once', target);
      images.push(image);
    }
    await remove({ reference: 'node:once' });
    await reviewAll(metadata);
    return images;
  }

  describe('of several references', () => {
    it('takes what it can, of several repositories, and says what it left and why', async () => {
      await ours('team/a:1', 'team/b:1', 'team/c:1');
      await contains('web', `${HERE}/team/b:1`);
      const references = ['a:1', 'b:1', 'nope:1', 'c:1'].map((name) => `${HERE}/team/${name}`);
      const { state } = await ask('remove', { references });
      expect(state).toBe('accepted');
      const outcome = await drain();
      expect(outcome.removed).toEqual(expect.arrayContaining(['team/a:1', 'team/c:1']));
      expect(outcome).toMatchObject({ removedCount: 4, leftCount: 2 });
      expect(outcome.left).toEqual([
        expect.stringContaining('team/nope:1'),
        expect.stringMatching(/^container web uses team\/b@/),
      ]);
      expect(outcome.trash).toHaveLength(2);
      expect(await names()).toEqual(['team/b:1']);
    });

    it('is refused where none of them names anything, and by the field that is wrong', async () => {
      await expect(ask('remove', { references: ['a:1', 'b:1'] })).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(ask('remove', { references: ['a:1', 'B!'] })).rejects.toMatchObject({
        code: 'INVALID',
        detail: { field: 'references.1' },
      });
      expect(await rows('SELECT FROM operation')).toEqual([]);
    });

    it('leaves a name that came or was given anew after it was asked, and says so', async () => {
      const [one, two] = await ours('team/a:1', 'team/b:1');
      await ask('remove', { references: [`${HERE}/team/a@${one!.digest}`, `${HERE}/team/b:1`] });
      await tag(`${HERE}/team/a:1`, 'team/a:stable');
      await tag(`${HERE}/team/a:1`, 'team/b:1');
      await tag(`${HERE}/team/b@${two!.digest}`, 'team/b:1');
      const { removed, left } = await drain();
      expect(removed).toEqual(['team/a:1']);
      expect(left.join()).toMatch(/team\/a:stable.* stays.*team\/b:1 was given anew/);
      expect(await names()).toEqual(['team/a:stable', 'team/b:1']);
    });

    it('named twice is removed once; one that went meanwhile is gone already', async () => {
      await ours('team/a:1', 'team/b:1');
      const a = `${HERE}/team/a:1`;
      await ask('remove', { references: [a, a, `${HERE}/team/b:1`] });
      await remove({ reference: a });
      expect(await drain()).toMatchObject({ removedCount: 2, left: ['team/a:1 is gone already'] });
    });

    it('comes back as it was: one entry for an image, however many of its tags were named', async () => {
      await ours('team/a:1');
      for (const name of ['2', '3']) await tag(`${HERE}/team/a:1`, `team/a:${name}`);
      const before = await names();
      await ask('remove', { references: before.map((name) => `${HERE}/${name}`) });
      const { trash } = await drain();
      expect(trash).toHaveLength(1);
      expect(await names()).toEqual([]);
      await ask('restore', { id: trash![0] });
      expect(await names()).toEqual(before);
    });

    it.each([
      ['neither one nor several', {}, 'reference'],
      ['both one and several', { reference: 'a', references: ['a'] }, 'references'],
      ['none', { references: [] }, 'references'],
      ['too many', { references: Array(MOST_REFERENCES + 1).fill('a') }, 'references'],
      ['an empty one', { references: [''] }, 'references.0'],
      ['running ones without the others', { reference: 'a', withRunning: true }, 'withRunning'],
      ['a confirmation of nothing', { reference: 'a', confirm: 'a'.repeat(32) }, 'confirm'],
      ['a confirmation that is none', { reference: 'a', now: true, confirm: 'yes' }, 'confirm'],
      ['a field that there is not', { reference: 'a', recursive: true }, 'recursive'],
    ])('%s is refused by its field', async (_what, body, field) => {
      await expect(ask('remove', body)).rejects.toMatchObject({ code: 'INVALID', detail: { field } });
    });
  });

  describe('of very many', () => {
    const MANY = 300;
    const many = async () => {
      const [image] = await ours('team/a:first');
      await rows(
        `WITH made AS (INSERT INTO manifest (digest, media_type, kind, bytes)
            SELECT 'sha256:' || encode(sha256(n::text::bytea), 'hex'), 'a/b', 'other', n::text::bytea
            FROM generate_series(1, ${MANY}) n RETURNING digest),
          shown AS (INSERT INTO repository_manifest (repository_id, digest)
            SELECT id, digest FROM made, repository WHERE name = 'team/a' RETURNING *)
          INSERT INTO tag (repository_id, name, digest)
            SELECT repository_id, 't' || row_number() OVER (), digest FROM shown`,
      );
      return image!;
    };

    it('goes in parts, and nobody waits for all of them: a tag is moved between any two', async () => {
      await many();
      const references = Array.from({ length: MANY }, (_, n) => `${HERE}/team/a:t${n + 1}`);
      await ask('remove', { references });
      const { database, config } = metadata;
      const [claim] = (await new OperationWorkStore(database, config).claim('spec', ['remove'], 1)).operations;
      const removes = new RemoveImageHandler(database, config);
      let [parts, outcome] = [0, null as RemoveOutcome | null];
      for (let more = true; more; parts += 1) {
        const move = tag(`${HERE}/team/a:first`, `team/other:${parts}`);
        const [part] = await Promise.all([removes.remove(claim!), move]);
        ({ more } = part);
        outcome = part;
      }
      expect(parts).toBeGreaterThanOrEqual(MANY / 16);
      expect(outcome).toMatchObject({ removedCount: 2 * MANY, leftCount: 0, removed: { length: 100 } });
      expect((await names()).filter((name) => name.startsWith('team/a:t'))).toEqual([]);
    });

    it('whose worker died goes on where it stood, and tells all of it', async () => {
      await many();
      const references = Array.from({ length: 40 }, (_, n) => `${HERE}/team/a:t${n + 1}`);
      const { id } = await ask('remove', { references });
      const { database, config } = metadata;
      const work = new OperationWorkStore(database, config);
      const removes = new RemoveImageHandler(database, config);
      const [first] = (await work.claim('one', ['remove'], 1)).operations;
      expect(await removes.remove(first!)).toMatchObject({ more: true, removedCount: 32 });
      await rows(`UPDATE operation SET claimed_until = now() - interval '1 second' WHERE id = $1`, [id]);
      expect(await drain()).toMatchObject({ removedCount: 80, leftCount: 0 });
      await expect(removes.remove(first!)).rejects.toMatchObject({ code: 'STALE' });
    });

    it('of one image takes the names that it had when that was asked, and no half of it comes back meanwhile', async () => {
      const [image] = await ours('team/a:first');
      await rows(`INSERT INTO tag (repository_id, name, digest)
        SELECT repository_id, 't' || n, digest FROM tag, generate_series(1, 200) AS n`);
      const { id } = await ask('remove', { reference: `${HERE}/team/a@${image!.digest}` });
      const { database, config } = metadata;
      const [claim] = (await new OperationWorkStore(database, config).claim('spec', ['remove'], 1)).operations;
      const removes = new RemoveImageHandler(database, config);
      expect(await removes.remove(claim!)).toMatchObject({ more: true, removedCount: 128 });
      await tag(`${HERE}/team/a@${image!.digest}`, 'team/a:stable');
      const [entry] = (await metadata.trash.list({ limit: 10 })).entries;
      await expect(ask('restore', { id: entry!.id })).rejects.toMatchObject({
        code: 'CONFLICT',
        detail: { operation: id },
      });
      expect(await removes.remove(claim!)).toMatchObject({ more: false, removedCount: 201, leftCount: 1 });
      expect(await names()).toEqual(['team/a:stable']);
      await ask('restore', { id: entry!.id });
      expect(await names()).toHaveLength(202);
    });

    it('that is called off says what was done until then', async () => {
      await many();
      const references = Array.from({ length: 40 }, (_, n) => `${HERE}/team/a:t${n + 1}`);
      const { id } = await ask('remove', { references });
      const { database, config } = metadata;
      const work = new OperationWorkStore(database, config);
      const [claim] = (await work.claim('one', ['remove'], 1)).operations;
      await new RemoveImageHandler(database, config).remove(claim!);
      await metadata.operations.cancel(ANONYMOUS, id);
      await work.endCancelled(claim!);
      expect(await metadata.operations.read(ANONYMOUS, id)).toMatchObject({
        state: 'cancelled',
        outcome: { removedCount: 32 },
      });
    });
  });

  describe('of what containers use', () => {
    const image = `${HERE}/team/a:1`;

    it('is refused, names them, and says what would do it', async () => {
      await ours('team/a:1');
      await contains('old', image);
      await expect(remove({ reference: image })).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringMatching(/container old uses .*withContainers.*force/),
        detail: {
          ...{ containers: ['old'], running: [], fields: ['withContainers'] },
          inTheWay: expect.stringMatching(/^container old uses .*: remove them first$/),
        },
      });
      await contains('web', image, 'running');
      await expect(remove({ reference: image, withContainers: true })).rejects.toMatchObject({
        message: expect.stringMatching(/container web uses .*withRunning/),
        detail: { containers: ['web'], running: ['web'], fields: ['withRunning'] },
      });
      expect([await names(), await containers()]).toEqual([['team/a:1'], ['old', 'web']]);
    });

    it('takes those that have stopped with it, and those that run only where that is said as well', async () => {
      await ours('team/a:1');
      await contains('old', image);
      expect(await remove({ reference: image, withContainers: true })).toMatchObject({
        containers: ['old'],
        marked: [],
      });
      expect(await containers()).toEqual([]);
      const [entry] = (await metadata.trash.list({ limit: 1 })).entries;
      await ask('restore', { id: entry!.id });
      for (const state of ['running', 'paused']) await contains(state, image, state);
      expect(await remove({ reference: image, withContainers: true, withRunning: true })).toMatchObject({
        containers: ['paused', 'running'],
      });
      expect([await names(), await containers()]).toEqual([[], []]);
    });

    it('leaves those of a reporter where they run: it takes names only, if that is forced', async () => {
      await ours('team/a:1');
      await contains('pod', image, 'running', 'cluster');
      const all = { reference: image, withContainers: true, withRunning: true };
      await expect(remove(all)).rejects.toMatchObject({
        message: expect.stringMatching(/pod is to be removed where it runs, at cluster/),
        detail: { reported: ['pod'], fields: [] },
      });
      expect(await remove({ ...all, force: true })).toMatchObject({ containers: [], marked: ['pod'] });
      await rows('UPDATE container SET reporter = NULL, reported_id = NULL');
    });

    it('forced, takes the names and marks them: their content stays while they do, and comes back', async () => {
      const [made] = await ours('team/a:1');
      await contains('web', image, 'running');
      expect(await remove({ reference: image, force: true })).toMatchObject({ marked: ['web'], containers: [] });
      await rows(`UPDATE trash SET until = now() + interval '1 hour'; UPDATE review SET due_at = now()`);
      const [entry] = (await metadata.trash.list({ limit: 1 })).entries;
      await rows(`UPDATE trash SET until = now() - interval '1 second'`);
      await reviewAll(metadata);
      expect(await purgeAll(metadata)).toEqual([]);
      expect(await rows('SELECT FROM repository_manifest WHERE digest = $1', [made!.digest])).toHaveLength(1);
      await rows(`UPDATE trash SET until = now() + interval '1 hour'`);
      await ask('restore', { id: entry!.id });
      expect(await rows('SELECT FROM container WHERE image_removed_at IS NOT NULL')).toEqual([]);
    });

    it('does not ask while another name of the image is left', async () => {
      await ours('team/a:1');
      await tag(image, 'team/a:2');
      await contains('web', image, 'running');
      expect(await remove({ reference: image, withContainers: true })).toMatchObject({ removed: ['team/a:1'] });
      expect(await containers()).toEqual(['web']);
    });

    it('a container that is made as the image goes is there, and refuses it, or finds it gone', async () => {
      await ours('team/a:1');
      const create = (m = metadata) => ask('container-create', { image, name: 'web' }, m);
      const [made, refused] = await interleave(metadata, 'metadata.accept-operation', create, () =>
        remove({ reference: image }),
      );
      expect([made, refused]).toMatchObject([{ state: 'completed' }, { code: 'CONFLICT' }]);
      await ask('container-remove', { container: 'web' });
      const [removed, late] = await interleave(
        metadata,
        'metadata.accept-operation',
        (m) => remove({ reference: image }, m),
        () => create(),
      );
      expect([removed, late]).toMatchObject([{ removedCount: 2 }, { code: 'NOT_FOUND' }]);
    });
  });

  describe('by an id', () => {
    it('that has several names is refused and names them, unless forced', async () => {
      const [image] = await ours('team/a:1');
      await tag(`${HERE}/team/a:1`, 'team/a:2');
      await expect(remove({ reference: image!.digest })).rejects.toMatchObject({
        code: 'CONFLICT',
        detail: { names: ['team/a:1', 'team/a:2'] },
      });
      expect(await remove({ reference: image!.digest.slice(7, 19), force: true })).toMatchObject({ removedCount: 3 });
    });

    it.each(['a', 'ab', 'abc', 'sha256:', 'sha256:a', 'sha256:abc'])(
      'that is no more than %s finds nothing',
      async (id) => {
        await ours('team/a:1');
        const refused = (await remove({ reference: id }).catch((error: unknown) => error)) as RegistryError;
        expect(['NOT_FOUND', 'INVALID']).toContain(refused.code);
        expect(await names()).toEqual(['team/a:1']);
      },
    );

    it('is found wherever it is, in however many repositories: all of it goes, and why says all', async () => {
      const [image] = await ours('team/a:1');
      const digest = image!.digest;
      await rows(
        `WITH made AS (INSERT INTO repository (name) SELECT 'team/r' || lpad(n::text, 4, '0') FROM generate_series(1, 120) AS n RETURNING id),
            given AS (INSERT INTO repository_blob (repository_id, digest)
              SELECT id, digest FROM made, manifest_blob WHERE manifest = $1)
          INSERT INTO repository_manifest (repository_id, digest) SELECT id, $1 FROM made`,
        [digest],
      );
      const nameAll = (where: string) =>
        rows(`INSERT INTO tag (repository_id, name, digest) SELECT repository_id, 'x', digest FROM repository_manifest
          JOIN repository ON repository.id = repository_id WHERE ${where} ON CONFLICT DO NOTHING`);
      await nameAll(`name = 'team/r0120'`);
      expect((await metadata.why.explain(digest)).roots).toContainEqual(
        expect.objectContaining({ root: 'tag', repository: 'team/r0120' }),
      );
      await nameAll(`name LIKE 'team/r%'`);
      await rows(
        `WITH last AS (INSERT INTO repository (name) VALUES ('zzz/last') RETURNING id),
          made AS (INSERT INTO manifest (digest, media_type, kind, bytes)
            VALUES (left($1, 20) || repeat('0', 51), 'a/b', 'other', '') RETURNING digest)
          INSERT INTO repository_manifest (repository_id, digest) SELECT id, digest FROM last, made`,
        [digest],
      );
      await expect(remove({ reference: digest.slice(0, 20), force: true })).rejects.toMatchObject({
        code: 'CONFLICT',
        detail: { candidates: expect.arrayContaining([expect.objectContaining({ repository: 'zzz/last' })]) },
      });
      await rows(`DELETE FROM repository_manifest WHERE digest LIKE '%00000000000000000000'`);
      await rows(`DELETE FROM manifest WHERE digest LIKE '%00000000000000000000'`);
      await ask('remove', { reference: digest, force: true });
      await drain();
      expect(await names()).toEqual([]);
    });

    it('that was removed already says so, and does not begin its time anew', async () => {
      const [image] = await ours('team/a:1');
      await remove({ reference: `${HERE}/team/a:1` });
      const again = remove({ reference: image!.digest });
      await expect(again).rejects.toMatchObject({
        code: 'NOT_FOUND',
        message: expect.stringMatching(/removed already/),
      });
      expect((await metadata.trash.list({ limit: 10 })).entries).toHaveLength(1);
    });
  });

  describe('by a tag and a digest', () => {
    it('takes that tag, and no other of the image', async () => {
      const [image] = await ours('team/a:1');
      await tag(`${HERE}/team/a:1`, 'team/a:stable');
      const outcome = await remove({ reference: `${HERE}/team/a:1@${image!.digest}` });
      expect(outcome.removed).toEqual(['team/a:1']);
      expect(await names()).toEqual(['team/a:stable']);
    });

    it('is refused where that tag names something else, or is not there', async () => {
      const [one, two] = await ours('team/a:1', 'team/a:2');
      await expect(remove({ reference: `${HERE}/team/a:1@${two!.digest}` })).rejects.toMatchObject({
        code: 'CONFLICT',
        detail: { digest: one!.digest },
      });
      await expect(remove({ reference: `${HERE}/team/a:3@${two!.digest}` })).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
      expect(await names()).toEqual(['team/a:1', 'team/a:2']);
    });
  });

  describe('of a part', () => {
    it('an image of an index keeps its place there; its own tag goes', async () => {
      const child = anImage();
      const index = anIndex([child]);
      await fetchManifest(metadata, NODE, index, { tag: 'all' });
      await fetchWhole(metadata, NODE, child, { tag: 'one' });
      expect(await remove({ reference: 'node:one' })).toMatchObject({ removed: [`${NODE}:one`] });
      await expect(remove({ reference: `node@${child.digest}`, force: true })).rejects.toMatchObject({
        detail: { parents: [index.digest] },
      });
      await reviewAll(metadata);
      expect(await purgeAll(metadata)).toEqual([]);
    });

    it('what refers to an image goes by itself, and the image stays', async () => {
      const image = anImage();
      await fetchWhole(metadata, NODE, image, { tag: '20' });
      const signature = anImage(undefined, { subject: { digest: image.digest, size: 1, mediaType: image.mediaType } });
      await fetchWhole(metadata, NODE, signature);
      await reviewAll(metadata);
      expect(await purgeAll(metadata)).toEqual([]);
      await remove({ reference: `node@${signature.digest}` });
      await reviewAll(metadata);
      expect(await purgeAll(metadata)).toHaveLength(signature.blobs.length);
      expect(await names()).toEqual([`${NODE}:20`]);
    });

    it('what refers to an image goes and comes back with it', async () => {
      const [image] = await ours('team/a:1');
      const signature = anImage([image!.blobs[1]!], {
        subject: { digest: image!.digest, size: 1, mediaType: image!.mediaType },
      });
      await fetchWhole(metadata, NODE, signature, { tag: 'sig' });
      await tag('node:sig', 'team/a:sig');
      await ask('untag', { reference: `${HERE}/team/a:sig` });
      await ask('untag', { reference: 'node:sig' });
      await remove({ reference: `${HERE}/team/a:1` });
      await reviewAll(metadata);
      await ask('restore', { id: (await metadata.trash.list({ limit: 1 })).entries[0]!.id });
      await reviewAll(metadata);
      expect(
        await rows(
          `SELECT FROM repository_manifest JOIN repository ON repository.id = repository_id
            WHERE name = 'team/a' AND digest = $1 AND removed_at IS NULL`,
          [signature.digest],
        ),
      ).toHaveLength(1);
    });
  });

  describe('for good', () => {
    const confirmOf = async (body: object) => {
      const asked = (await remove({ ...body, now: true }).catch((error: unknown) => error)) as RegistryError;
      expect(asked).toMatchObject({ code: 'PRECONDITION', message: expect.stringContaining('for good') });
      return asked.detail as {
        confirm: string;
        sharedWith: string[];
        names: string[];
        images: string[];
        bytes: number;
      };
    };

    it('is asked first where others have some of the same bytes: names every repository that has, and changes nothing', async () => {
      const secret = someBytes(OCI_LAYER_GZIP);
      const [leak, other, apart] = [anImage([secret]), anImage([secret]), anImage()];
      for (const [at, image] of [leak, other, apart].entries()) {
        await fetchWhole(metadata, NODE, image, { tag: `${at}` });
        await tag(`node:${at}`, `team/r${at}:1`);
      }
      const said = await confirmOf({ reference: `${HERE}/team/r0:1` });
      expect(said).toMatchObject({
        names: ['team/r0:1'],
        images: [`team/r0@${leak.digest}`],
        sharedWith: [NODE, 'team/r1'],
        blobs: leak.blobs.length,
        bytes: leak.blobs.reduce((sum, { size }) => sum + size, 0),
      });
      expect(await names()).toHaveLength(6);
    });

    it('skips the delay and the undo, of what was removed before too, and never the grace or a pin', async () => {
      const [image] = await ours('team/a:1');
      await tag(`${HERE}/team/a:1`, 'team/a:2');
      await remove({ reference: `${HERE}/team/a:2` });
      const [before] = (await metadata.trash.list({ limit: 1 })).entries;
      await rows(
        `INSERT INTO pin (repository_id, kind, digest, until)
          SELECT id, 'blob', $1, now() + interval '1 hour' FROM repository WHERE name = 'team/a'`,
        [image!.blobs[1]!.digest],
      );
      await remove({ reference: `${HERE}/team/a:1`, now: true });
      expect((await metadata.trash.list({ limit: 1 })).entries).toEqual([]);
      await expect(ask('restore', { id: before!.id })).rejects.toMatchObject({ code: 'GONE' });
      await reviewAll(metadata);
      expect(await purgeAll(metadata)).toHaveLength(image!.blobs.length - 1);
    });

    it('takes what waits in the trash, by its digest', async () => {
      const [image] = await ours('team/a:1');
      await remove({ reference: `${HERE}/team/a:1` });
      await remove({ reference: image!.digest, now: true });
      await reviewAll(metadata);
      expect(await purgeAll(metadata)).toHaveLength(image!.blobs.length);
    });

    it('what confirms one thing confirms no other, nor the same when it has changed', async () => {
      await ours('team/a:1', 'team/b:1');
      await tag(`${HERE}/team/a:1`, 'team/a2:1');
      await tag(`${HERE}/team/b:1`, 'team/b2:1');
      const { confirm } = await confirmOf({ reference: `${HERE}/team/a:1` });
      await expect(remove({ reference: `${HERE}/team/b:1`, now: true, confirm })).rejects.toMatchObject({
        code: 'PRECONDITION',
      });
      await tag(`${HERE}/team/a:1`, 'team/c:1');
      const changed = remove({ reference: `${HERE}/team/a:1`, now: true, confirm });
      await expect(changed).rejects.toMatchObject({
        code: 'PRECONDITION',
        message: expect.stringMatching(/not as they were confirmed.*team\/c/),
        detail: { goes: expect.stringMatching(/^things are not as they were confirmed\. .*team\/c\.$/) },
      });
      expect(await names()).toEqual(['team/a2:1', 'team/a:1', 'team/b2:1', 'team/b:1', 'team/c:1']);
    });

    it('is not asked about one image that shares nothing, nor about one of its names', async () => {
      await ours('team/a:1');
      await tag(`${HERE}/team/a:1`, 'team/a:2');
      expect(await remove({ reference: `${HERE}/team/a:1`, now: true })).toMatchObject({ removed: ['team/a:1'] });
      expect(await remove({ reference: `${HERE}/team/a:2`, now: true })).toMatchObject({ removedCount: 2 });
      expect(await names()).toEqual([]);
    });

    it('is refused all the same while a container uses it', async () => {
      await ours('team/a:1');
      const body = { reference: `${HERE}/team/a:1` };
      await contains('web', body.reference);
      await expect(remove({ ...body, now: true })).rejects.toMatchObject({ code: 'CONFLICT' });
    });

    it('by the digest of a layer takes every image that has it, everywhere: indexes, tags of their own, the trash', async () => {
      const secret = someBytes(OCI_LAYER_GZIP);
      const [child, single, apart] = [anImage([secret]), anImage([secret]), anImage()];
      const index = anIndex([child, apart]);
      await fetchManifest(metadata, NODE, index, { tag: 'all' });
      for (const image of [child, apart]) await fetchWhole(metadata, NODE, image);
      await fetchManifest(metadata, NODE, child, { tag: 'child' });
      await fetchWhole(metadata, NODE, single, { tag: 'single' });
      await tag('node:single', 'team/x:1');
      await tag('node:single', 'team/y:1');
      await fetchWhole(metadata, 'docker.io/library/other', anImage(), { tag: 'kept' });
      await remove({ reference: `${HERE}/team/y:1` });
      const reference = secret.digest;
      await expect(remove({ reference })).rejects.toMatchObject({
        code: 'CONFLICT',
        message: expect.stringMatching(/is no image, but bytes of 5/),
      });
      const said = await confirmOf({ reference });
      expect(said.sharedWith).toEqual([]);
      expect(said.images).toHaveLength(5);
      expect(await remove({ reference, now: true, confirm: said.confirm })).toMatchObject({ leftCount: 0 });
      expect(await names()).toEqual(['docker.io/library/other:kept']);
      await reviewAll(metadata);
      await purgeAll(metadata);
      expect(await rows('SELECT FROM object WHERE digest = $1', [reference])).toEqual([]);
      await expect(remove({ reference })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });
  });

  it('asked twice under one id is done once, and told the same', async () => {
    await ours(`${APP}:1`);
    const asked = { principal: ANONYMOUS, requestId: 'once', kind: 'remove' as const };
    const body = { reference: `${HERE}/${APP}:1` };
    const first = await metadata.operations.accept({ ...asked, body });
    const second = await metadata.operations.accept({ ...asked, body });
    expect(second).toMatchObject({
      created: false,
      operation: { id: first.operation.id, outcome: first.operation.outcome },
    });
  });
});
