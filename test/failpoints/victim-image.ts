import { randomBytes } from 'node:crypto';
import { addScriptedImage, type ScriptedImage } from '#testing/scripted-image';
import type { Victim } from './victim';

const LAYER_BYTES = 600_000;

export interface VictimImage extends ScriptedImage {
  /** Of its layer. */
  readonly bytes: Buffer;
}

/** An image that the upstream has, and that nobody has asked for yet. */
export function newImage(victim: Victim, { name = 'app', size = LAYER_BYTES } = {}): VictimImage {
  const bytes = randomBytes(size);
  return { ...addScriptedImage(victim.upstream, `team/${victim.newKey(name)}`, bytes), bytes };
}
