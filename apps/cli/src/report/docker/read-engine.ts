import { z } from 'zod';
import type { ContainerState } from '#contracts/bodies/container';
import { isDigest } from '#oci/digest';
import { parseReference, type Reference } from '#oci/reference';
import type { SeenContainer } from '../runtime';

/** What is read of the Engine API: the same in every version there is. */
export const InfoSchema = z.object({ ID: z.string().min(1) });

const EngineContainerSchema = z.object({
  Id: z.string().min(1),
  Names: z.array(z.string()).nullable(),
  Image: z.string(),
  ImageID: z.string(),
  State: z.string(),
  Labels: z.record(z.string(), z.string()).nullish(),
  Created: z.number(),
});
export const EngineContainersSchema = z.array(EngineContainerSchema);
export type EngineContainer = z.output<typeof EngineContainerSchema>;

export const EngineImageSchema = z.object({ RepoDigests: z.array(z.string()).nullish() });

export function toSeen(container: EngineContainer, repoDigests: readonly string[]): SeenContainer {
  const { Id, Names, Image, ImageID, State, Labels, Created } = container;
  return {
    id: Id,
    name: ownName(Names ?? []) ?? Id,
    image: Image || ImageID,
    digest: chooseDigest(Image, ImageID, repoDigests),
    state: toState(State),
    labels: Labels ?? {},
    createdAt: Created * 1000,
  };
}

/** Others are names that linked containers give it: `/web/db`. */
function ownName(names: readonly string[]): string | undefined {
  const plain = names.map((name) => name.replace(/^\//, ''));
  return plain.find((name) => !name.includes('/')) ?? plain[0];
}

/**
 * The digest by which a registry knows the image. With the containerd image store the id is that; in the classic one
 * it is the config's, and the manifest's is in the names by which the image was pulled: rather the one it was asked by.
 */
export function chooseDigest(image: string, imageId: string, repoDigests: readonly string[]): string | undefined {
  const known = repoDigests.flatMap((text) => readName(text) ?? []).filter(({ digest }) => digest !== undefined);
  const named = readName(image);
  const sameName = known.filter(({ domain, path }) => domain === named?.domain && path === named?.path);
  const all = [...sameName, ...known].map(({ digest }) => digest);
  const best = named?.digest ?? all.find((digest) => digest === imageId) ?? all[0];
  return best ?? (isDigest(imageId) ? imageId : undefined);
}

function readName(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

const STATES: Readonly<Record<string, ContainerState>> = {
  created: 'created',
  running: 'running',
  restarting: 'running',
  paused: 'paused',
  exited: 'exited',
  removing: 'dead',
  dead: 'dead',
  // Podman's, which answers the same questions.
  configured: 'created',
  initialized: 'created',
  stopping: 'running',
  stopped: 'exited',
};

/** What is not known may run. */
const toState = (state: string): ContainerState => STATES[state.toLowerCase()] ?? 'running';
