import { OCI_LAYER_GZIP } from '#oci/media-type';
import {
  anImage,
  anIndex,
  fetchManifest,
  fetchWhole,
  type Metadata,
  openMetadata,
  pushBlob,
  repositoryName,
  reviewAll,
  someBytes,
} from '../metadata.testing';
import { RULES } from './check-rows';

const NODE = 'docker.io/library/node';
const COMPOSING_ONE = `INSERT INTO composing (source_id, target_id, claimed_until)
  SELECT (SELECT id FROM object WHERE state = 'live' ORDER BY id LIMIT 1),`;
const ENDED = `state = 'cancelled', ended_at = now()`;

/** Each rule names the row that breaks it: whole rows are broken one by one, behind the stores' back. */
describe('the check of rows', () => {
  let metadata: Metadata;
  beforeAll(async () => {
    metadata = await openMetadata();
    await metadata.presence.beat();
    const child = anImage();
    await fetchManifest(metadata, NODE, anIndex([child]), { tag: 'multi' });
    await fetchWhole(metadata, NODE, child);
    await pushBlob(metadata, 'team/app', someBytes(OCI_LAYER_GZIP));
    await metadata.sessions.open(repositoryName('team/app'), {});
    await metadata.database.transaction('spec.touch', (sql) =>
      sql.query(`WITH running AS (
          INSERT INTO operation (id, principal, request_id, body_hash, kind, body, state)
          VALUES (gen_random_uuid(), 'p', 'r', '', 'pull', '{}', 'running') RETURNING id)
        INSERT INTO operation_manifest (operation_id, repository_id, digest)
          SELECT running.id, repository_id, digest FROM running, repository_manifest JOIN manifest USING (digest)
          WHERE kind = 'image'`),
    );
    await metadata.database.read(`UPDATE review SET due_at = now() WHERE kind = 'manifest'`);
    await reviewAll(metadata);
  });
  afterAll(() => metadata?.stop());

  /** What the check says of a database that is broken like this. */
  async function faultsAfter(...breaks: string[]): Promise<string[]> {
    let faults: string[] = [];
    await metadata.database
      .transaction('spec.break', async (sql) => {
        await sql.query('SET LOCAL session_replication_role = replica');
        for (const each of breaks) await sql.query(each);
        for (const rule of RULES) faults.push(...(await sql.query<{ format: string }>(rule)).map((row) => row.format));
        throw new Undone();
      })
      .catch((error: unknown) => {
        if (!(error instanceof Undone)) throw error;
      });
    faults = faults.map((fault) => fault.replaceAll(/(sha256:)?[0-9a-f-]{36,}/g, '…'));
    return [...new Set(faults)];
  }

  it('finds nothing in what the stores wrote', async () => {
    expect(await metadata.rows.check()).toEqual([]);
    expect(await faultsAfter()).toEqual([]);
  });

  const BROKEN: [string, string[], string][] = [
    [
      'bytes that no extent covers',
      ['UPDATE extent SET length = length - 1'],
      'its extents cover 999 of its 1000 bytes',
    ],
    ['a hole in the extents', [`UPDATE extent SET start = start + 1`], 'is live, and its extents cover'],
    ['a live object without a digest', [`DELETE FROM blob`], 'is live, and no digest names it'],
    ['a digest with another object', ['UPDATE blob SET size = 1', 'UPDATE object SET size = 7'], 'names object'],
    ['an upload without a session', ['DELETE FROM upload_session'], 'is uploading, and neither a session nor'],
    [
      'a composing of what is not uploading',
      [`${COMPOSING_ONE} (SELECT id FROM object WHERE state = 'live' ORDER BY id DESC LIMIT 1), now()`],
      'is being made of object',
    ],
    [
      'a composing that ran out',
      [`${COMPOSING_ONE} (SELECT id FROM object WHERE state = 'uploading'), now() - interval '2 hours'`],
      'the composing of object',
    ],
    [
      'a session of what is not uploading',
      [`UPDATE object SET state = 'purging' WHERE state = 'uploading'`],
      'that is purging',
    ],
    ['a session that ran out', [`UPDATE upload_session SET expires_at = now() - interval '2 hours'`], 'ran out at'],
    ['bytes that are not held', ['UPDATE manifest_blob SET held = NULL'], 'is here and its repository may read'],
    ['bytes that are held without right', ['DELETE FROM repository_blob'], 'no repository that shows it may read'],
    [
      'a pushed manifest without a blob',
      ['UPDATE repository_manifest SET upstream = NULL, credential = NULL', 'DELETE FROM repository_blob'],
      'without its blob',
    ],
    ['a child that is not held', ['UPDATE manifest_child SET held = NULL'], 'does not hold manifest'],
    ['a manifest that nobody shows', ['DELETE FROM repository_manifest'], 'is shown by no repository'],
    ['other bytes in a manifest', [`UPDATE manifest SET bytes = '{}'`], 'has other bytes than its digest says'],
    ['a dropped review of a blob', ['DELETE FROM review'], 'is held by nothing, and nobody will review it'],
    ['a dropped review of a right', ['DELETE FROM review'], 'which nothing there lists, and nobody will review it'],
    ['an operation that keeps its image after its end', [`UPDATE operation SET ${ENDED}`], 'and still keeps manifest'],
    ['an operation that lost its image too soon', ['UPDATE operation_manifest SET ended = true'], 'no longer keeps'],
    ['a dropped review of a manifest', ['DELETE FROM tag'], 'has no reason to stay, and nobody will review it'],
  ];
  it.each(BROKEN)('finds %s', async (_, breaks, line) => {
    expect((await faultsAfter(...breaks)).filter((fault) => fault.includes(line))).not.toEqual([]);
  });
});

class Undone extends Error {}
