import { Injectable } from '@nestjs/common';
import type { ListSharedLayers, SharedLayers } from '#contracts/calls/references';
import type { QuestionOf } from '#contracts/define-call';
import { type Digest, isDigest } from '#oci/digest';
import { invalidField } from '#oci/registry-error';
import { readShownImages } from '../blob/shown-images';
import { Database } from '../database/database';
import { ImageNameStore } from './image-name.store';

interface LayerRow {
  readonly digest: Digest;
  readonly size: number;
  readonly shared: boolean;
}

interface SharingRow {
  readonly manifest: Digest;
  readonly layer: Digest;
}

interface Sharing {
  readonly manifest: Digest;
  readonly layers: readonly Digest[];
}

/** Which images have layers in common: bytes that lie here once. */
@Injectable()
export class SharedLayersStore {
  constructor(
    private readonly database: Database,
    private readonly names: ImageNameStore,
  ) {}

  /** Throws what naming an image throws, and INVALID for a cursor of another making. */
  async list({ reference, after, limit }: QuestionOf<typeof ListSharedLayers>): Promise<SharedLayers> {
    if (after !== undefined && !isDigest(after)) throw invalidField('after', 'must be the `next` of the page before');
    const query = <Row>(text: string, params?: readonly unknown[]) => this.database.read<Row>(text, params);
    const { repositoryId, repository, digest } = await this.names.find({ query }, reference);
    const members = await this.readMembers(repositoryId, digest);
    const layers = await this.database.read<LayerRow>(LAYERS, [members]);
    const sizes = new Map(layers.map((layer) => [layer.digest, layer.size]));
    const sharing = await this.readSharing([...sizes.keys()], [members, after ?? '', limit + 1]);
    const page = sharing.slice(0, limit);
    const images = await readShownImages(
      this.database,
      page.map(({ manifest }) => manifest),
    );
    return {
      image: { repository, digest },
      layerBytes: sumOf(layers),
      sharedBytes: sumOf(layers.filter(({ shared }) => shared)),
      layers,
      sharing: page.map(({ manifest, layers: common }) => {
        const both = common.map((layer) => ({ digest: layer, size: sizes.get(layer)! }));
        return { digest: manifest, layers: both, bytes: sumOf(both), images: images.get(manifest) ?? [] };
      }),
      next: sharing.length > limit ? page.at(-1)!.manifest : null,
    };
  }

  /** By manifest: those of each layer are cut at the same number, so that of the first ones none is missing. */
  private async readSharing(layers: readonly Digest[], asked: readonly unknown[]): Promise<Sharing[]> {
    const byManifest = new Map<Digest, Digest[]>();
    for (let from = 0; from < layers.length; from += AT_ONCE) {
      const part = layers.slice(from, from + AT_ONCE);
      const rows = await this.database.read<SharingRow>(sharingOf(part.length), [...asked, ...part]);
      for (const { manifest, layer } of rows) byManifest.set(manifest, [...(byManifest.get(manifest) ?? []), layer]);
    }
    return [...byManifest]
      .map(([manifest, common]) => ({ manifest, layers: common.sort() }))
      .sort((one, two) => (one.manifest < two.manifest ? -1 : 1));
  }

  private async readMembers(repositoryId: number, digest: Digest): Promise<Digest[]> {
    const rows = await this.database.read<{ digest: Digest }>(MEMBERS, [repositoryId, digest]);
    return rows.map((row) => row.digest);
  }
}

function sumOf(layers: readonly { readonly size: number }[]): number {
  return layers.reduce((sum, { size }) => sum + size, 0);
}

/** An image and, where it is an index, what it holds of that in its repository. */
export const MEMBERS = `
  WITH RECURSIVE member (digest) AS (
    SELECT $2::text COLLATE "C"
    UNION
    SELECT below.held FROM member CROSS JOIN LATERAL (
      SELECT child.held FROM manifest_child AS child JOIN repository_manifest AS visible
        ON visible.repository_id = $1 AND visible.digest = child.held
      WHERE child.parent = member.digest OFFSET 0) AS below
  )
  SELECT digest FROM member`;

export const LAYERS = `
  SELECT DISTINCT ON (listed.digest) listed.digest, listed.size, (
    SELECT true FROM manifest_blob AS other WHERE other.held = listed.digest AND other.role = 'layer'
      AND other.manifest <> ALL($1) LIMIT 1) IS NOT NULL AS shared
  FROM unnest($1::text[]) AS member (digest)
  CROSS JOIN LATERAL (SELECT held AS digest, size, position FROM manifest_blob
    WHERE manifest = member.digest AND role = 'layer' AND held IS NOT NULL OFFSET 0) AS listed
  ORDER BY listed.digest`;

/** Layers of one statement, at most: an image of ten thousand is asked in parts. */
const AT_ONCE = 100;

/**
 * Each layer's next manifests, in the order of its index; $1: the image's own, $2: where the page before ended. A
 * question for each layer, so that the planner knows which of them half of the store has.
 */
export function sharingOf(layers: number): string {
  const one = (layer: string) => `(SELECT manifest, held AS layer FROM manifest_blob
    WHERE held = ${layer} AND role = 'layer' AND manifest > $2 AND manifest <> ALL($1) ORDER BY manifest LIMIT $3)`;
  return Array.from({ length: layers }, (_, at) => one(`$${at + 4}`)).join(' UNION ALL ');
}
