import { imageManifest } from './image-parts';
import type { ScriptedUpstream } from './scripted-upstream';

export interface ScriptedImage {
  /** `team/app`: its config's label `app` says it too. */
  readonly name: string;
  /** As a pull names it: `127.0.0.1:5001/team/app:1`. */
  readonly reference: string;
  /** Where our own `/v2/` has it: `/v2/127.0.0.1_5001/team/app`. */
  readonly path: string;
  /** The layer's digest. */
  readonly layer: string;
  /** The config's digest. */
  readonly config: string;
  /** Matches the requests for the layer under this name alone. */
  readonly layerUrl: RegExp;
  readonly manifestUrl: RegExp;
}

/** Gives an upstream an image of one layer, tagged `1`; its config is like no other's. */
export function addScriptedImage(upstream: ScriptedUpstream, name: string, layer: Buffer): ScriptedImage {
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', config: { Labels: { app: name } } }));
  const configDigest = upstream.addBlob(config);
  const digest = upstream.addBlob(layer);
  upstream.addManifest(name, '1', imageManifest(config, layer));
  return {
    name,
    reference: `${upstream.domain}/${name}:1`,
    path: `/v2/${upstream.domain.replace(':', '_')}/${name}`,
    layer: digest,
    config: configDigest,
    layerUrl: new RegExp(`/${name}/blobs/${digest}$`),
    manifestUrl: new RegExp(`/${name}/manifests/`),
  };
}
