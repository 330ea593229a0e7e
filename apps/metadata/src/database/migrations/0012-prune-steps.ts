import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * An image with very many tags is pruned in several steps: `tags_gone` says how many of its tags went before. A run says
 * how large the images were that a prune took.
 */
export class PruneSteps0012 implements MigrationInterface {
  readonly name = 'PruneSteps0000000000012';

  async up(queries: QueryRunner): Promise<void> {
    await queries.query('ALTER TABLE plan_item ADD COLUMN tags_gone integer NOT NULL DEFAULT 0');
    await queries.query('ALTER TABLE gc_run ADD COLUMN removed_bytes bigint NOT NULL DEFAULT 0');
  }

  async down(queries: QueryRunner): Promise<void> {
    await queries.query('ALTER TABLE plan_item DROP COLUMN tags_gone');
    await queries.query('ALTER TABLE gc_run DROP COLUMN removed_bytes');
  }
}
