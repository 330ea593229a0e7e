import fc from 'fast-check';
import { type How, howAsked } from '../how';
import { BLOBS, childrenOf, IMAGES, type Image } from '../images';
import { keyOf, type Model, moveTag, type Name, REPOSITORIES, type Repository, TAGS } from '../model';
import { type Exact, outcomeOf } from '../request';
import { requestStep, type Step } from '../step';

export const UPSTREAM = REPOSITORIES.slice(0, 2);

/** What a pull names: a tag, or the image itself. */
type Asked = { readonly tag: string } | { readonly image: Image };

/** Whoever has it pulled wants it: it is removed no more. */
export function pulled(model: Model, repository: Repository, image: Image, isAll: boolean): void {
  const children = childrenOf(image);
  for (const each of [image, ...(isAll ? children : children.slice(0, 1))]) show(model, repository, each);
  const shown = repository.shown.get(image)!;
  shown.pulledAt = model.at;
  shown.detached = false;
}

export function show(model: Model, { shown }: Repository, image: Image): void {
  if (shown.has(image)) return;
  shown.set(image, { committedAt: model.at, pulledAt: null, removedAt: null, detached: false });
}

/** What the upstream has under a tag now. */
export const upstreamImage = (model: Model, name: Name, asked: Asked): Image =>
  'tag' in asked ? model.upstreamTags.get(keyOf(name, asked.tag))! : asked.image;

const asked: fc.Arbitrary<Asked> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...TAGS).map((tag) => ({ tag })) },
  { weight: 1, arbitrary: fc.constantFrom(...IMAGES).map((image) => ({ image })) },
);

export function pullStep(name: Name, what: Asked, isAll: boolean, how: How): Step {
  const reference = { by: 'tag' in what ? ('tag' as const) : ('digest' as const), repository: name, ...what } as Exact;
  const words = 'tag' in what ? `${name}:${what.tag}` : `${name}@${what.image}`;
  return requestStep(`pull ${words}${isAll ? ', all of it' : ''}`, how, (model, names) => ({
    kind: 'pull',
    body: { reference: names.text(reference), platforms: isAll ? 'all' : 'host' },
    expected: outcomeOf(() => {
      const repository = model.repositories[name];
      const image = upstreamImage(model, name, what);
      pulled(model, repository, image, isAll);
      if ('tag' in what) moveTag(model, repository, what.tag, image);
      return undefined;
    }),
  }));
}

export const pull: fc.Arbitrary<Step> = fc
  .tuple(fc.constantFrom(...UPSTREAM), asked, fc.boolean(), howAsked('pull'))
  .map(([name, what, isAll, how]) => pullStep(name, what, isAll, how));

export const moveUpstream: fc.Arbitrary<Step> = fc
  .tuple(fc.constantFrom(...UPSTREAM), fc.constantFrom(...TAGS), fc.constantFrom(...IMAGES))
  .map(([name, tag, image]) => ({
    label: `${name} has ${image} as ${tag} from now on`,
    run: async (life) => {
      life.model.upstreamTags.set(keyOf(name, tag), image);
      life.contents.tag(life.warehouse.upstream, life.names.path(name), tag, image);
    },
  }));

/** A client gets an image and all bytes of it, and each is what its digest says. */
export const read: fc.Arbitrary<Step> = fc
  .tuple(fc.nat(7), fc.constantFrom('a' as const, 'b' as const))
  .map(([nth, side]) => ({
    label: `a client reads the ${nth}th tag from ${side}`,
    run: async (life) => {
      const { model } = life;
      const all = REPOSITORIES.flatMap((name) =>
        [...model.repositories[name].tags].map(([tag, image]) => ({ name, tag, image })),
      );
      const chosen = all[nth % Math.max(1, all.length)];
      if (chosen) await readImage(life, chosen, side);
    },
  }));

type Life = Parameters<Step['run']>[0];
type Chosen = { readonly name: Name; readonly tag: string; readonly image: Image };

export async function readImage(life: Life, { name, tag, image }: Chosen, side: 'a' | 'b'): Promise<void> {
  const repository = life.model.repositories[name];
  const child = childrenOf(image).find((each) => repository.shown.has(each));
  const digest = life.contents.digests[image];
  const counted = await life.pulls(name, [image, ...(child ? [child] : [])]);
  await life.client.read(side, `/v2/${life.names.stored(name)}/manifests/${tag}`, digest);
  note(life, repository, image);
  if (child) {
    await life.client.read(side, `/v2/${life.names.stored(name)}/manifests/${life.contents.digests[child]}`);
    note(life, repository, child);
  }
  for (const blob of BLOBS[child ?? image]) {
    await life.client.read(side, `/v2/${life.names.stored(name)}/blobs/${life.contents.blobDigests.get(blob)}`);
    life.model.blobPins.set(keyOf(name, blob), life.model.at + life.times.pin);
  }
  await life.counted(name, counted);
}

function note(life: Life, repository: Repository, image: Image): void {
  life.model.manifestPins.set(keyOf(repository.name, image), life.model.at + life.times.pin);
  repository.shown.get(image)!.pulledAt = life.model.at;
}
