import { z } from 'zod';
import type { ContainerState } from '#contracts/bodies/container';
import { isDigest } from '#oci/digest';
import type { SeenContainer } from '../runtime';

const StatusSchema = z.object({
  name: z.string(),
  image: z.string().default(''),
  imageID: z.string().default(''),
  state: z
    .object({ waiting: z.object({}), running: z.object({}), terminated: z.object({}) })
    .partial()
    .default({}),
});
const SpecifiedSchema = z.object({ name: z.string(), image: z.string().default('') });
const VolumeSchema = z.object({ name: z.string(), image: z.object({ reference: z.string().default('') }).optional() });

const specified = z.array(SpecifiedSchema).nullish();
const statuses = z.array(StatusSchema).nullish();

/** What is read of a pod (`v1`); everything else of it is forgotten at once. */
export const PodSchema = z.object({
  metadata: z.object({
    namespace: z.string().min(1),
    name: z.string().min(1),
    uid: z.string().min(1),
    resourceVersion: z.string().optional(),
    creationTimestamp: z.string().nullish(),
    labels: z.record(z.string(), z.string()).nullish(),
  }),
  spec: z
    .object({
      containers: specified,
      initContainers: specified,
      ephemeralContainers: specified,
      volumes: z.array(VolumeSchema).nullish(),
    })
    .prefault({}),
  status: z
    .object({
      phase: z.string().optional(),
      containerStatuses: statuses,
      initContainerStatuses: statuses,
      ephemeralContainerStatuses: statuses,
    })
    .prefault({}),
});
export type Pod = z.output<typeof PodSchema>;

/**
 * Every container of a pod, those that are only to begin too: its image is about to be pulled, or wanted again. An image
 * that is mounted as a volume is in use as a container's is.
 */
export function readPod({ metadata, spec, status }: Pod): SeenContainer[] {
  const { namespace, name: pod, uid, labels, creationTimestamp } = metadata;
  const isOver = status.phase === 'Succeeded' || status.phase === 'Failed';
  const created = Date.parse(creationTimestamp ?? '');
  const same = { labels: labels ?? {}, ...(Number.isNaN(created) ? {} : { createdAt: created }) };
  const said = new Map(
    [status.initContainerStatuses, status.containerStatuses, status.ephemeralContainerStatuses]
      .flatMap((list) => list ?? [])
      .map((each) => [each.name, each]),
  );
  const containers = [spec.initContainers, spec.containers, spec.ephemeralContainers]
    .flatMap((list) => list ?? [])
    .map(({ name, image }): SeenContainer => {
      const now = said.get(name);
      return {
        ...same,
        ...{ id: `${uid}/${name}`, name: `${namespace}/${pod}/${name}` },
        image: image || now?.image || 'unknown',
        digest: readImageId(now?.imageID ?? ''),
        state: toState(now?.state, isOver),
      };
    });
  const mounted = (spec.volumes ?? []).flatMap(({ name, image }): SeenContainer[] => {
    if (!image?.reference) return [];
    const where = { id: `${uid}/volumes/${name}`, name: `${namespace}/${pod}/volumes/${name}` };
    return [{ ...same, ...where, image: image.reference, state: isOver ? 'exited' : 'running' }];
  });
  return [...containers, ...mounted];
}

type State = z.output<typeof StatusSchema>['state'];

function toState(state: State | undefined, isOver: boolean): ContainerState {
  if (state?.terminated || isOver) return 'exited';
  return state?.running ? 'running' : 'created';
}

/**
 * The digest in a status' `imageID`. Runtimes write it as `repository@sha256:…` (containerd, CRI-O),
 * `docker-pullable://repository@sha256:…`, `docker://sha256:…`, `sha256:…`, or the bare hex digits of the config.
 */
export function readImageId(imageId: string): string | undefined {
  const id = imageId.replace(/^[a-z-]+:\/\//, '');
  const last = id.slice(id.lastIndexOf('@') + 1);
  const digest = /^[0-9a-f]{64}$/.test(last) ? `sha256:${last}` : last;
  return isDigest(digest) ? digest : undefined;
}
