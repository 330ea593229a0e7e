import { digestOf } from '#oci/digest';
import { OCI_LAYER_GZIP } from '#oci/media-type';
import {
  anImage,
  fetchWhole,
  type Metadata,
  openMetadata,
  pushBlob,
  repositoryName,
  someBytes,
} from '../metadata.testing';

describe('who holds what was lost', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata();
    await metadata.presence.beat();
  });
  afterAll(() => metadata?.stop());

  it('is a manifest of a repository that shows it, in the order that was asked; nobody for what nothing lists', async () => {
    const image = anImage();
    await fetchWhole(metadata, 'docker.io/library/node', image);
    await fetchWhole(metadata, 'docker.io/other/node', image);
    const loose = someBytes(OCI_LAYER_GZIP);
    await pushBlob(metadata, 'team/app', loose);
    const unknown = digestOf(Buffer.from('nowhere'));
    const holder = { repository: expect.stringMatching(/^docker.io\//), upstream: 'docker.io', manifest: image.digest };
    expect(
      await metadata.objectList.holders([loose.digest, image.blobs[1]!.digest, unknown, image.blobs[0]!.digest]),
    ).toEqual([null, holder, null, holder]);
  });

  it('is asked of no digest too', async () => {
    expect(await metadata.objectList.holders([])).toEqual([]);
  });
});

describe('what may be deleted of an object that was seen in the store', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata();
    await metadata.presence.beat();
  });
  afterAll(() => metadata?.stop());

  const judge = (object: string) => metadata.objectList.judgeStrays(object);
  const none = (why: string) => ({ may: 'none', keys: [], why: expect.stringContaining(why) });
  const setState = (object: string, state: string) =>
    metadata.database.transaction('spec.state', async (sql) => {
      await sql.query('SET LOCAL session_replication_role = replica');
      await sql.query('UPDATE object SET state = $2, purge_after = now() WHERE id = $1', [object, state]);
    });

  it('is all of one that has neither row nor tombstone, and nothing of one that is on its way in or out', async () => {
    expect(await judge('0199aaaa-0000-7000-8000-000000000001')).toEqual({ may: 'all', keys: [], why: '' });
    const session = await metadata.sessions.open(repositoryName('team/app'), {});
    expect(await judge(session)).toEqual(none('uploading'));
    const object = await pushBlob(metadata, 'team/app', someBytes(OCI_LAYER_GZIP));
    expect(await judge(object)).toEqual(none('live'));
    for (const state of ['condemned', 'purging']) {
      await setState(object, state);
      expect(await judge(object)).toEqual(none(state));
    }
  });

  it('is what its extents do not name, of one that is live; nothing where the database was restored', async () => {
    const blob = someBytes(OCI_LAYER_GZIP, 10);
    const session = await metadata.sessions.open(repositoryName('team/app'), {});
    const { epoch } = await metadata.sessions.take(session);
    for (const offset of [0, 5])
      await metadata.sessions.commitExtent(session, epoch, { offset, length: 5, key: `objects/${session}/${offset}` });
    await metadata.finishes.finish({ session, epoch, digest: blob.digest, size: 10 });
    const keys = [`objects/${session}/0`, `objects/${session}/5`];
    expect(await judge(session)).toEqual({ may: 'others', keys: expect.arrayContaining(keys), why: '' });
    await metadata.journal.noteRestored(1);
    expect(await judge(session)).toEqual(none('was restored'));
    expect(await judge('0199aaaa-0000-7000-8000-000000000001')).toEqual(none('was restored'));
  });
});
