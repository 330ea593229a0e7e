import type { Contents, Image } from './images';
import { LOCAL, type Name } from './model';
import type { Exact } from './request';

const PATHS: Readonly<Record<Name, string>> = {
  'upstream one': 'one',
  'upstream two': 'two',
  'local one': 'one',
  'local two': 'two',
};

/** What the model's names are called by people, and by the services. */
export class Names {
  private readonly byStored: ReadonlyMap<string, Name>;

  constructor(
    private readonly life: string,
    private readonly upstream: string,
    private readonly host: string,
    private readonly contents: Contents,
  ) {
    this.byStored = new Map((Object.keys(PATHS) as Name[]).map((name) => [this.stored(name), name]));
  }

  /** At its registry. */
  path(name: Name): string {
    return `${this.life}/${PATHS[name]}`;
  }

  /** As it is shown, and as clients spell it. */
  stored(name: Name): string {
    return LOCAL.includes(name) ? this.path(name) : `${this.upstream.replace(':', '_')}/${this.path(name)}`;
  }

  digest(image: Image): string {
    return this.contents.digests[image];
  }

  /** As people type it. */
  text(reference: Exact): string {
    if (reference.by === 'id') return this.digest(reference.image);
    const { repository } = reference;
    const name = `${LOCAL.includes(repository) ? this.host : this.upstream}/${this.path(repository)}`;
    return reference.by === 'tag' ? `${name}:${reference.tag}` : `${name}@${this.digest(reference.image)}`;
  }

  /** The model's name for a repository as it is shown. */
  nameOf(stored: string): string {
    return this.byStored.get(stored) ?? stored;
  }
}
