import type { Container } from '#contracts/calls/containers';
import type { Image } from '#contracts/calls/images';
import type { TrashEntry } from '#contracts/calls/trash';
import type { Why } from '#contracts/calls/why';
import type { Client } from './client';
import { BLOBS, type Contents } from './images';
import { isOpen, rootsOf } from './keep';
import { isListed, LOCAL, type Model, type Name, REPOSITORIES, shownChildren, TAGS, tagsOf } from './model';
import type { Names } from './names';
import type { Side } from './warehouse';

const sorted = <T>(all: readonly T[]): T[] => [...all].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));

/** What a gateway says, in the model's words, beside what it should say. */
export class Comparison {
  constructor(
    private readonly client: Client,
    private readonly model: Model,
    private readonly names: Names,
    private readonly contents: Contents,
  ) {}

  async check(side: Side): Promise<void> {
    const [images, containers, trash] = await Promise.all([this.images(side), this.containers(side), this.trash(side)]);
    expect({ side, images, containers, trash }).toEqual({ side, ...this.expected() });
  }

  /** The history of each tag, and why each image is kept: as long to ask for as all else. */
  async checkReasons(side: Side): Promise<void> {
    for (const name of REPOSITORIES) {
      await Promise.all(TAGS.map((tag) => this.checkMoves(side, name, tag)));
      await Promise.all(
        [...this.model.repositories[name].shown.keys()].map((image) => this.checkWhy(side, name, image)),
      );
    }
  }

  private expected() {
    const { model } = this;
    const images = REPOSITORIES.flatMap((name) => {
      const repository = model.repositories[name];
      const listed = [...repository.shown.keys()].filter((image) => isListed(repository, image));
      return listed.map((image) => ({
        repository: name,
        image,
        tags: tagsOf(repository, image),
        complete: [image, ...shownChildren(repository, image)].some((each) => BLOBS[each].length > 0),
        source: LOCAL.includes(name) ? 'pushed' : 'fetched',
      }));
    });
    const containers = model.containers.map(({ nameless, reported, ...each }) => {
      const { repository, image, tag } = each;
      const moved = tag !== null && model.repositories[repository].tags.get(tag) !== image;
      return { ...each, moved, removed: nameless, reported: reported?.id ?? null };
    });
    const kept = model.trash.filter((each) => isOpen(model, each));
    const trash = kept.map(({ repository, image, tags, whole }) => ({
      repository,
      image,
      tags: [...tags].sort(),
      whole,
    }));
    return { images: sorted(images), containers: sorted(containers.map(inOrder)), trash: sorted(trash) };
  }

  private async images(side: Side) {
    const images = await this.client.get<Image[]>(side, '/api/v1/images?limit=1000');
    return sorted(
      images.map(({ repository, digest, tags, complete, source }) => ({
        ...{ repository: this.names.nameOf(repository), image: this.contents.nameOf(digest) },
        ...{ tags, complete, source },
      })),
    );
  }

  private async containers(side: Side) {
    const containers = await this.client.get<Container[]>(side, '/api/v1/containers?limit=1000');
    const shown = containers.map(({ name, image, state, exitCode, reportedId }) => ({
      name,
      repository: this.names.nameOf(image.repository),
      image: this.contents.nameOf(image.digest),
      tag: image.tag,
      manifest: image.manifest && this.contents.nameOf(image.manifest),
      state,
      exitCode,
      moved: image.moved,
      removed: image.removed,
      reported: reportedId,
    }));
    return sorted(shown.map(inOrder));
  }

  private async trash(side: Side) {
    const entries = await this.client.get<TrashEntry[]>(side, '/api/v1/trash?limit=1000');
    return sorted(
      entries.map(({ repository, digest, tags, whole }) => ({
        ...{ repository: this.names.nameOf(repository), image: this.contents.nameOf(digest) },
        ...{ tags: [...tags].sort(), whole },
      })),
    );
  }

  private async checkMoves(side: Side, repository: Name, tag: string): Promise<void> {
    const reference = encodeURIComponent(this.names.text({ by: 'tag', repository, tag }));
    const { status, json } = await this.client.send(side, 'GET', `/api/v1/tags/history?reference=${reference}`);
    const moves = status === 404 ? [] : (json as { from: string | null; to: string | null }[]);
    const name = (digest: string | null) => digest && this.contents.nameOf(digest);
    const shown = moves.map(({ from, to }) => ({ from: name(from), to: name(to) })).reverse();
    const expected = this.model.repositories[repository].moves.filter((move) => move.tag === tag);
    expect({ repository, tag, moves: shown }).toEqual({
      ...{ repository, tag },
      moves: expected.map(({ from, to }) => ({ from, to })),
    });
  }

  private async checkWhy(side: Side, name: Name, image: Parameters<Names['digest']>[0]): Promise<void> {
    const reference = this.names.text({ by: 'digest', repository: name, image });
    const why = await this.client.get<Why>(side, `/api/v1/why?reference=${encodeURIComponent(reference)}`);
    const roots = why.roots.map((each) => ({
      ...{ root: each.root, name: each.name },
      image: this.contents.nameOf(each.path[0]!.digest),
    }));
    const expected = rootsOf(this.model, this.model.repositories[name], image);
    const stands = expected.some(({ root }) => root === 'tag' || root === 'container');
    expect({ why: `${name} ${image}`, kept: why.kept, goes: why.goesAt !== null, roots: sorted(roots) }).toEqual({
      ...{ why: `${name} ${image}`, kept: expected.length > 0, goes: !stands },
      roots: sorted(expected.map(({ root, name, image }) => ({ root, name, image }))),
    });
  }
}

function inOrder<T extends object>(each: T): T {
  return Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1))) as T;
}
