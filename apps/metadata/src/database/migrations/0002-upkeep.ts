import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What goes with time, and what is written down for a time when this database is gone.
 *
 * - Ended operations are found by their end, and an operation that has ended holds no image any more: what keeps an
 *   image is looked up among what is under way, not among all that ever was.
 * - The journal is packed into segments, which are never changed: what was written to the store once is written again
 *   byte for byte. It begins with all that is here by now.
 */
export class Upkeep0002 implements MigrationInterface {
  readonly name = 'Upkeep0000000000002';

  async up(queries: QueryRunner): Promise<void> {
    for (const statement of [...OPERATIONS, ...FILLS, ...LEASES, ...CONTAINERS, ...JOURNAL])
      await queries.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('an older program cannot read what was written since: restore a backup instead');
  }
}

const OPERATIONS = [
  'CREATE INDEX operation_ended ON operation (ended_at) WHERE ended_at IS NOT NULL',
  'ALTER TABLE operation_manifest ADD COLUMN ended boolean NOT NULL DEFAULT false',
  `UPDATE operation_manifest SET ended = true FROM operation
    WHERE operation.id = operation_id AND operation.ended_at IS NOT NULL`,
  'DROP INDEX operation_manifest_image',
  'CREATE INDEX operation_manifest_kept ON operation_manifest (repository_id, digest) WHERE NOT ended',
];

// A claim takes the oldest of each repository's in turn, and reads no others of their upstream.
const FILLS = [`CREATE INDEX fill_turn ON fill (upstream, repository_id, due_at) WHERE state = 'wanted'`];

const LEASES = ['CREATE INDEX lease_until ON lease (until)'];

const CONTAINERS = [
  // A forced remove took the last name of the image that it uses.
  'ALTER TABLE container ADD COLUMN image_removed_at timestamptz',
];

const JOURNAL = [
  // On its way into the store; at most one at a time. `installation.journal_written` is the last that is there.
  `CREATE TABLE journal_segment (
    number bigint PRIMARY KEY CHECK (number > 0),
    bytes bytea NOT NULL
  )`,
  `INSERT INTO journal (entry, at)
    SELECT jsonb_build_object('kind', 'repository', 'repository', name, 'upstream', upstream, 'private', is_private),
      created_at FROM repository ORDER BY id`,
  `INSERT INTO journal (entry, at)
    SELECT jsonb_build_object('kind', 'manifest', 'repository', name, 'digest', digest, 'upstream', visible.upstream,
      'credential', credential), committed_at
    FROM repository_manifest AS visible JOIN repository ON repository.id = repository_id ORDER BY committed_at, digest`,
  `INSERT INTO journal (entry, at)
    SELECT jsonb_build_object('kind', 'tag', 'repository', repository.name, 'tag', tag.name, 'digest', digest), moved_at
    FROM tag JOIN repository ON repository.id = repository_id ORDER BY moved_at, repository.name, tag.name`,
];
