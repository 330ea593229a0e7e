import type { ImageHistoryEntry } from '#oci/image-config';

export interface LayerLine<Layer> {
  readonly created?: string | undefined;
  readonly createdBy?: string | undefined;
  readonly author?: string | undefined;
  readonly comment?: string | undefined;
  /** What the step made; null where it changed no file. */
  readonly layer: Layer | null;
}

/** The steps that made an image, each with its layer (OCI image configuration, `history`); layers that no step tells of come last. */
export function joinHistory<Layer>(
  history: readonly ImageHistoryEntry[],
  layers: readonly Layer[],
): LayerLine<Layer>[] {
  const left = [...layers];
  const lines = history.map(({ emptyLayer, ...step }) => ({
    ...step,
    layer: emptyLayer ? null : (left.shift() ?? null),
  }));
  return [...lines, ...left.map((layer) => ({ layer }))];
}
