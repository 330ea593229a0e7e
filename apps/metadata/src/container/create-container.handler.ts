import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { ContainerCreateBody, ContainerOutcome } from '#contracts/bodies/container';
import { ContainerCreated } from '#contracts/facts';
import { hostPlatform, parsePlatform } from '#oci/platform';
import { conflict, isRegistryError, notFound } from '#oci/registry-error';
import type { RunOverrides } from '#oci/run-overrides';
import type { Sql } from '../database/database';
import { lockVisible } from '../database/locks';
import { type HeldImage, ImageNameStore } from '../image/image-name.store';
import { METADATA_CONFIG, type MetadataConfig } from '../metadata.config';
import { inField } from '../operation/check-request';
import type { Done } from '../operation/done';
import type { OperationRow } from '../operation/operation-rows';
import { recordFact } from '../outbox/outbox.store';
import { CONTAINER_COLUMNS, type ContainerRow, factOf, toOutcome } from './container-rows';
import { type AskedPlatform, findRunnable } from './find-runnable';
import { isPutAway } from './is-put-away';
import { makeName } from './make-name';

/** An image with the tag that a container is made by. */
export type UsedImage = HeldImage & { readonly tag: string | null };

type Asking = Pick<OperationRow, 'principal' | 'body'>;

/** A name that moves at every look is moved by a machine. */
const MOST_LOOKS = 5;
/** Names that are made up are tried so often; each try has ten times as many. */
const MOST_NAMES_TRIED = 8;

/**
 * Makes containers: records of a digest that is in use, and of what it is run with. Nothing is copied, and nothing of
 * the image but its manifest's row is locked, and that shared.
 */
@Injectable()
export class CreateContainerHandler {
  constructor(
    private readonly names: ImageNameStore,
    @Inject(METADATA_CONFIG) private readonly config: MetadataConfig,
  ) {}

  /**
   * Of an image that is whole here. Null where it is to be pulled first. Throws INVALID, NOT_FOUND for what is not here
   * and cannot be pulled, CONFLICT for a name that is taken and an image that is not whole.
   */
  async create(sql: Sql, operation: Asking): Promise<Done | null> {
    const { image: text, name } = operation.body as ContainerCreateBody;
    if (name !== undefined) await refuseTaken(sql, name);
    for (let looks = 0; looks < MOST_LOOKS; looks += 1) {
      const image = await this.look(sql, text);
      if (image === null) return null;
      await lockVisible(sql, image.repositoryId, [image.digest]);
      // What was found before the lock decides nothing.
      const now = await this.look(sql, text);
      if (now?.repositoryId !== image.repositoryId || now.digest !== image.digest) continue;
      const outcome = await this.createOf(sql, operation, now);
      if (outcome === null) return this.mustBePulled(now, text);
      const { repository, digest, tag } = now;
      return { outcome, named: { repository, tag, digest } };
    }
    throw conflict(`what ${text} names changes at this moment: ask again`);
  }

  /** Of an image whose row the caller has locked; null where some of it is missing. Throws as `create` does. */
  async createOf(sql: Sql, { principal, body }: Asking, image: UsedImage): Promise<ContainerOutcome | null> {
    const { image: _, name, platform, ...overrides } = body as ContainerCreateBody;
    const manifest = await findRunnable(sql, image, this.platform(platform));
    if (manifest === null) return null;
    const made = await insert(sql, { image, manifest, name, principal, overrides });
    await recordFact(sql, ContainerCreated, made.id, factOf(made));
    return toOutcome(made);
  }

  /** Null where the image is not here, and its upstream may have it. */
  private async look(sql: Sql, text: string): Promise<UsedImage | null> {
    try {
      const { tag, others, ...first } = await this.names.find(sql, text, 'image');
      if (tag !== null) return { ...first, tag };
      // An id names it in every repository: what was removed in one of them may be wanted in another.
      for (const image of [first, ...others]) if (!(await isPutAway(sql, image))) return { ...image, tag };
      throw notFound(`image ${text}`, { reference: text });
    } catch (error) {
      if (isRegistryError(error, 'NOT_FOUND') && this.names.fetchedName(text, 'image') !== null) return null;
      throw error;
    }
  }

  /** What was named by its id cannot be pulled by that, and what is ours comes from nowhere. */
  private mustBePulled({ repository, digest }: HeldImage, text: string): null {
    if (this.names.fetchedName(text, 'image') === repository) return null;
    throw conflict(`${repository}@${digest} is not whole here: pull or push it first`, { repository, digest });
  }

  private platform(said: string | undefined): AskedPlatform {
    const asked = said ?? this.config.ENTREPOT_HOST_PLATFORM;
    const platform = asked === undefined ? hostPlatform(process.arch, 'linux') : inPlatform(asked);
    return { platform, isSaid: said !== undefined };
  }
}

const inPlatform = (text: string) => inField('platform', () => parsePlatform(text));

interface NewContainer {
  readonly image: UsedImage;
  readonly manifest: string;
  readonly name: string | undefined;
  readonly principal: string;
  readonly overrides: RunOverrides;
}

/** Waits for whoever takes the same name at this moment. Throws CONFLICT. */
async function insert(sql: Sql, made: NewContainer): Promise<ContainerRow> {
  if (made.name !== undefined) {
    const row = await insertNamed(sql, made, made.name);
    if (row) return row;
    await refuseTaken(sql, made.name);
    throw conflict(`the name ${made.name} was taken and given back at this moment: ask again`);
  }
  for (let tries = 0; tries < MOST_NAMES_TRIED; tries += 1) {
    const row = await insertNamed(sql, made, makeName(Math.random, tries));
    if (row) return row;
  }
  throw conflict('no name was free that was made up: give one');
}

async function insertNamed(sql: Sql, made: NewContainer, name: string): Promise<ContainerRow | undefined> {
  const { image, manifest, principal, overrides } = made;
  const { labels = {}, ...run } = overrides;
  const [row] = await sql.query<ContainerRow>(
    `WITH made AS (
        INSERT INTO container (id, name, repository_id, digest, tag, manifest, state, labels, run, principal)
        VALUES ($1, $2, $3, $4, $5, $6, 'created', $7, $8, $9) ON CONFLICT (name) DO NOTHING RETURNING *)
      SELECT ${CONTAINER_COLUMNS} FROM made AS container JOIN repository ON repository.id = container.repository_id`,
    [
      randomBytes(32).toString('hex'),
      name,
      image.repositoryId,
      image.digest,
      image.tag,
      manifest,
      JSON.stringify(labels),
      JSON.stringify(run),
      principal,
    ],
  );
  return row;
}

async function refuseTaken(sql: Sql, name: string): Promise<void> {
  const [taken] = await sql.query<{ id: string }>('SELECT id FROM container WHERE name = $1', [name]);
  if (taken) throw nameTaken(name, taken.id);
}

export const nameTaken = (name: string, id?: string) =>
  conflict(`the name ${name} is taken${id ? ` by container ${id.slice(0, 12)}` : ''}: remove or rename that one`, {
    name,
    ...(id ? { container: id } : {}),
  });
