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
import { OVERDUE } from './overdue';

const NODE = 'docker.io/library/node';
const COMPOSING_ONE = `INSERT INTO composing (source_id, target_id, claimed_until)
  SELECT (SELECT id FROM object WHERE state = 'live' ORDER BY id LIMIT 1),`;
const LONG_AGO = `now() - interval '30 hours'`;
const OBJECT = `(id, state, digest, size, purge_after, claimed_until) VALUES (gen_random_uuid()`;
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
        for (const rule of [...RULES, ...OVERDUE])
          faults.push(...(await sql.query<{ format: string }>(rule)).map((row) => row.format));
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
    expect(await metadata.rows.stuck()).toEqual([]);
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
    ['a tag to nothing', [`UPDATE tag SET digest = 'sha256:none'`], 'tag multi of repository'],
    [
      'a container of nothing',
      [
        `INSERT INTO container (id, name, repository_id, digest, state, principal) VALUES ('c', 'c', 1, 'd', 'exited', 'p')`,
      ],
      'container c uses manifest d',
    ],
    [
      'a trash of nothing',
      [`INSERT INTO trash (id, repository_id, digest, until) VALUES (gen_random_uuid(), 1, 'd', now())`],
      'keeps manifest d',
    ],
    ['a held digest without a blob', [`DELETE FROM blob`], 'which is no blob'],
    ['a blob of no object', ['DELETE FROM object', 'DELETE FROM extent'], 'which is not there'],
    [
      'a blob of an object on its way out',
      [`UPDATE object SET state = 'purging' WHERE state = 'live'`],
      'which is purging',
    ],
    ['a child of nothing', [`DELETE FROM manifest WHERE kind = 'image'`], 'holds manifest'],
    ['a manifest that is not there', [`DELETE FROM manifest WHERE kind = 'index'`], 'shows manifest'],
    ['rights of nothing', [`DELETE FROM repository`], 'has a right to'],
    ['extents of nothing', [`DELETE FROM object`], 'are here, and it is not'],
    [
      'a run that does not add up',
      [
        `INSERT INTO gc_run (id, kind, state, ended_at, seen, kept, removed)
        VALUES (gen_random_uuid(), 'prune', 'completed', now(), 5, '{"tag": 3}', 1)`,
      ],
      'saw 5, and its parts are 4',
    ],
    [
      'an operation that nobody takes up',
      [`UPDATE operation SET state = 'accepted', due_at = ${LONG_AGO}`],
      'and nobody takes it up',
    ],
    ['an operation that is nobody’s', [`UPDATE operation SET claimed_until = ${LONG_AGO}`], 'is nobody'],
    ['an operation that was called off', [`UPDATE operation SET cancel_asked_at = ${LONG_AGO}`], 'was called off at'],
    [
      'a fill that nobody takes up',
      [`UPDATE fill SET state = 'wanted', due_at = ${LONG_AGO}, claimed_until = NULL, ended_at = NULL`],
      'from docker.io is due since',
    ],
    [
      'a fill that is nobody’s',
      [`UPDATE fill SET state = 'running', claimed_until = ${LONG_AGO}, ended_at = NULL`],
      'from docker.io is nobody',
    ],
    [
      'a purge that does not end',
      [`INSERT INTO object ${OBJECT}, 'purging', NULL, NULL, NULL, ${LONG_AGO})`],
      'is purging since',
    ],
    [
      'a grace that ended long ago',
      [`INSERT INTO object ${OBJECT}, 'condemned', 'd', 0, ${LONG_AGO}, NULL)`],
      'and it was not purged',
    ],
    ['a review that is not done', [`UPDATE review SET due_at = ${LONG_AGO}`], 'and was not done'],
    [
      'facts that are not published',
      [`UPDATE outbox SET message = message || jsonb_build_object('time', ${LONG_AGO})`],
      'are not published, the oldest since',
    ],
    [
      'names that are not in the store',
      [`UPDATE journal SET at = ${LONG_AGO}`],
      'changes of names are not in the store',
    ],
    [
      'a schedule that did not run',
      [
        `INSERT INTO schedule (name, source, kind, cron, time_zone, body, principal, due_at)
        VALUES ('nightly', 'rest', 'prune', '0 1 * * *', 'UTC', '{}', 'p', ${LONG_AGO})`,
      ],
      'schedule nightly was to run at',
    ],
    ['a dropped review of a manifest', ['DELETE FROM tag'], 'has no reason to stay, and nobody will review it'],
  ];
  it.each(BROKEN)('finds %s', async (_, breaks, line) => {
    expect((await faultsAfter(...breaks)).filter((fault) => fault.includes(line))).not.toEqual([]);
  });

  const away = `INSERT INTO absence (began_at, ended_at) VALUES (now() - interval '1 day', now() - interval '5 min')`;
  it.each<[string, string, string]>([
    ['an operation, after metadata was away', `UPDATE operation SET claimed_until = ${LONG_AGO}`, away],
    [
      'an operation whose kind is worked on',
      `UPDATE operation SET state = 'accepted', due_at = ${LONG_AGO}`,
      `INSERT INTO operation (id, principal, request_id, body_hash, kind, body, state, started_at)
        VALUES (gen_random_uuid(), 'p', 'later', '', 'pull', '{}', 'running', now())`,
    ],
    [
      'a review, where cleanup is paused',
      `UPDATE review SET due_at = ${LONG_AGO}`,
      `UPDATE installation SET gc_paused_at = now()`,
    ],
    [
      'a review, where the database was restored',
      `UPDATE review SET due_at = ${LONG_AGO}`,
      `UPDATE installation SET generation = generation + 1`,
    ],
    [
      'what is condemned and is read still',
      `INSERT INTO object ${OBJECT}, 'condemned', 'd', 0, ${LONG_AGO}, NULL)`,
      `INSERT INTO lease (object_id, holder, until) SELECT id, gen_random_uuid(), now() FROM object WHERE digest = 'd'`,
    ],
  ])('%s is not stuck', async (_, ...breaks) => {
    expect(await faultsAfter(...breaks)).toEqual([]);
  });
});

class Undone extends Error {}
