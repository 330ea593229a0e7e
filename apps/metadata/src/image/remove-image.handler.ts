import { Inject, Injectable } from '@nestjs/common';
import { MOST_NAMES, type RemoveBody, type RemoveOutcome } from '#contracts/bodies/remove';
import { conflict, isRegistryError } from '#oci/registry-error';
import { prunePart } from '../container/prune-containers';
import { Database, type Sql } from '../database/database';
import { lockForRemoval, lockTagsOfSeveral } from '../database/locks';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import type { Done } from '../operation/done';
import { endOperation } from '../operation/end-operation';
import type { NamedRemoval, OperationRow } from '../operation/operation-rows';
import { lockForEnd, type OperationClaim } from '../operation/operation-work.store';
import { keepAwake } from '../run/may-collect';
import { addToOutcome, NOTHING_REMOVED } from './add-to-outcome';
import { type AskedRemoval, leaveAlone, planRemoval, type RemovalPlan } from './plan-removal';
import { namedBefore, readStanding } from './standing-image';
import { takeImage } from './take-image';

type Asked = Omit<AskedRemoval, 'tag'>;

/** As many images, and as many tags of one, as one transaction takes away: nobody waits for its locks for long. */
const AT_ONCE = 16;
const TAGS_AT_ONCE = 128;
/** What reads the bytes keeps them no longer. */
const LONGEST_READ_MS = 6 * 60 * 60 * 1000;

/**
 * Carries out removes, on what their references named when they were accepted. A small one is done where it is taken
 * in, all of it or nothing. One of several references is done part by part, each in a transaction of its own: what
 * cannot go is left, and said.
 */
@Injectable()
export class RemoveImageHandler {
  constructor(
    private readonly database: Database,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /** Null where it is too much for one transaction. Throws CONFLICT while something uses the image. */
  async removeAtOnce(sql: Sql, operation: OperationRow): Promise<Done | null> {
    const images = imagesOf(operation);
    const asked = askedOf(operation);
    if ((operation.body as RemoveBody).references) return null;
    const part = await choosePart(sql, operation.id, images);
    if (part.images.length < images.length || part.tags.size > TAGS_AT_ONCE) return null;
    await lockPart(sql, part);
    let outcome = NOTHING_REMOVED;
    for (const image of images) {
      const plan = await planOne(sql, operation.id, image, asked);
      outcome = addToOutcome(outcome, image, plan, await this.take(sql, operation, image, plan));
    }
    return { outcome };
  }

  /** Does the next part, of a prune of many containers too. Answers what was done so far, and whether there is more. Throws STALE. */
  async remove(claim: OperationClaim): Promise<RemoveOutcome & { more: boolean }> {
    return this.database.transaction('metadata.remove-image', async (sql) => {
      const operation = await lockForEnd(sql, claim);
      if (!operation) return { ...NOTHING_REMOVED, ...(await readOutcome(sql, claim.id)), more: false };
      if (operation.kind === 'container-prune') {
        const { count, more } = await prunePart(sql, operation, this.config.ENTREPOT_REVIEW_DELAY_MS);
        return { ...NOTHING_REMOVED, removedCount: count, more };
      }
      const images = imagesOf(operation);
      const before = (operation.outcome as RemoveOutcome | null) ?? startOf(operation);
      const part = await choosePart(sql, operation.id, images.slice(operation.parts_done));
      const { outcome, done } = await this.removePart(sql, operation, part, before);
      const partsDone = operation.parts_done + done;
      if (partsDone < images.length) {
        await sql.query('UPDATE operation SET outcome = $2, parts_done = $3 WHERE id = $1', [
          operation.id,
          JSON.stringify(outcome),
          partsDone,
        ]);
        return { ...outcome, more: true };
      }
      await endOperation(sql, operation, { state: 'completed', outcome }, this.delayMs(askedOf(operation)));
      return { ...outcome, more: false };
    });
  }

  /** `done` counts those of which nothing is left to do. */
  private async removePart(
    sql: Sql,
    operation: OperationRow,
    part: Part,
    before: RemoveOutcome,
  ): Promise<{ outcome: RemoveOutcome; done: number }> {
    const asked = askedOf(operation);
    await lockPart(sql, part);
    let outcome = before;
    for (const [done, image] of part.images.entries()) {
      const whole = await planOne(sql, operation.id, image, asked).catch(leaveRefused);
      const some = whole.tags.length > TAGS_AT_ONCE ? firstTags(whole) : whole;
      outcome = addToOutcome(outcome, image, some, await this.take(sql, operation, image, some));
      if (some !== whole) return { outcome, done };
    }
    return { outcome, done: part.images.length };
  }

  private async take(sql: Sql, { id, principal, body }: OperationRow, image: NamedRemoval, plan: RemovalPlan) {
    if (isLeft(plan)) return { trash: null, marked: [] };
    const { now } = body as RemoveBody;
    const times = { reviewInMs: this.delayMs({ now }), undoMs: this.config.ENTREPOT_UNDO_MS };
    const taken = await takeImage(sql, image, plan, { operation: id, principal, now, ...times });
    if (now) await keepAwake(sql, this.config.ENTREPOT_PIN_MS + this.config.ENTREPOT_GRACE_MS + LONGEST_READ_MS);
    return taken;
  }

  private delayMs({ now }: Pick<Asked, 'now'>): number {
    return now ? 0 : this.config.ENTREPOT_REVIEW_DELAY_MS;
  }
}

function imagesOf({ id, kind, named }: OperationRow): readonly NamedRemoval[] {
  if (kind !== 'remove' || !named?.removes) throw conflict(`operation ${id} removes no image`);
  // Before several could be removed at once, the tag was said of all of them.
  return named.removes.map((image) => ({ ...image, tag: image.tag === undefined ? named.tag : image.tag }));
}

function askedOf({ body }: OperationRow): Asked {
  const { force, now, withContainers, withRunning } = body as RemoveBody;
  const containers = withRunning ? 'all' : 'stopped';
  return { force, now, containers: withContainers ? containers : 'none' };
}

function startOf({ named }: OperationRow): RemoveOutcome {
  const left = named?.left ?? [];
  return { ...NOTHING_REMOVED, left: left.slice(0, MOST_NAMES), leftCount: left.length };
}

async function planOne(sql: Sql, operation: string, image: NamedRemoval, asked: Asked): Promise<RemovalPlan> {
  const standing = await readStanding(sql, image, operation);
  if (!standing) return leaveAlone(`${image.repository}@${image.digest} is gone already`);
  return planRemoval(standing, { ...asked, tag: image.tag });
}

function leaveRefused(error: unknown): RemovalPlan {
  if (isRegistryError(error, 'CONFLICT')) return leaveAlone(error.message);
  throw error;
}

const isLeft = ({ left, tags, losesLastName }: RemovalPlan) => left !== null && tags.length === 0 && !losesLastName;

/** The others, and with them the last name, are of the parts to come. */
function firstTags(plan: RemovalPlan): RemovalPlan {
  const tags = plan.tags.slice(0, TAGS_AT_ONCE);
  return { ...plan, tags, losesLastName: false, containers: [], deprived: [], left: null };
}

/** Of one that ended otherwise, nothing. */
async function readOutcome(sql: Sql, id: string): Promise<RemoveOutcome> {
  const [row] = await sql.query<{ outcome: RemoveOutcome | null }>('SELECT outcome FROM operation WHERE id = $1', [id]);
  return row?.outcome ?? NOTHING_REMOVED;
}

interface Part {
  readonly images: readonly NamedRemoval[];
  /** Their tags, each with its repository's id. */
  readonly tags: ReadonlySet<string>;
}

/** The first images, as many as one transaction takes; the first one at least, however many tags it has. */
async function choosePart(sql: Sql, operation: string, images: readonly NamedRemoval[]): Promise<Part> {
  const chosen: NamedRemoval[] = [];
  const tags = new Set<string>();
  for (const image of images.slice(0, AT_ONCE)) {
    const names = await readTags(sql, operation, image);
    if (chosen.length > 0 && tags.size + names.length > TAGS_AT_ONCE) break;
    chosen.push(image);
    for (const name of names) tags.add(`${image.repositoryId}:${name}`);
  }
  return { images: chosen, tags };
}

async function readTags(sql: Sql, operation: string, { repositoryId, digest, tag }: NamedRemoval): Promise<string[]> {
  if (tag !== null) return [tag];
  const named = await sql.query<{ name: string }>(
    `SELECT name FROM tag WHERE repository_id = $1 AND digest = $2 AND ${namedBefore('$4')} ORDER BY name LIMIT $3`,
    [repositoryId, digest, TAGS_AT_ONCE + 1, operation],
  );
  return named.map(({ name }) => name);
}

/** All tags before all manifests. */
async function lockPart(sql: Sql, { images, tags }: Part): Promise<void> {
  await lockTagsOfSeveral(sql, [...tags]);
  await lockForRemoval(sql, images);
}
