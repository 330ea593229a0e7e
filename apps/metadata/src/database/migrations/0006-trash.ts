import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What was removed comes back. An entry of the trash outlives its end, so that whoever asks for it again is told what
 * became of it; it keeps its image (`keeps`) only until then. A manifest that somebody removed by itself is no longer
 * kept by what it refers to.
 */
export class Trash0006 implements MigrationInterface {
  readonly name = 'Trash0000000000006';

  async up(queries: QueryRunner): Promise<void> {
    for (const statement of [...ENTRIES, ...REFERRERS, ...PARTS]) await queries.query(statement);
  }

  async down(): Promise<void> {
    throw new Error('an older program would have entries that ended keep their images: restore a backup instead');
  }
}

const ENTRIES = [
  `ALTER TABLE trash
    ADD COLUMN principal text COLLATE "C" NOT NULL DEFAULT 'unknown',
    -- The image lost its last name, not one of several.
    ADD COLUMN whole boolean NOT NULL DEFAULT true,
    ADD COLUMN ended_as text CHECK (ended_as IN ('restored', 'gone')),
    ADD COLUMN ended_at timestamptz,
    ADD CHECK ((ended_as IS NULL) = (ended_at IS NULL))`,
  `ALTER TABLE trash ADD COLUMN keeps text COLLATE "C"
    GENERATED ALWAYS AS (CASE WHEN ended_as IS NULL THEN digest END) STORED`,
  `UPDATE trash SET principal = operation.principal FROM operation WHERE operation.id = operation_id`,
  'ALTER TABLE trash DROP CONSTRAINT trash_keeps_image',
  `ALTER TABLE trash ADD CONSTRAINT trash_keeps_image FOREIGN KEY (repository_id, keeps)
    REFERENCES repository_manifest (repository_id, digest)`,
  'DROP INDEX trash_image',
  'CREATE INDEX trash_keeps ON trash (repository_id, keeps) WHERE keeps IS NOT NULL',
  'CREATE INDEX trash_open ON trash (until, id) WHERE keeps IS NOT NULL',
  'CREATE INDEX trash_open_there ON trash (repository_id, until, id) WHERE keeps IS NOT NULL',
];

const REFERRERS = ['ALTER TABLE repository_manifest ADD COLUMN detached boolean NOT NULL DEFAULT false'];

// Of a remove of many images: how many of them are done.
const PARTS = ['ALTER TABLE operation ADD COLUMN parts_done integer NOT NULL DEFAULT 0'];
