import { z } from 'zod';
import { invalid, type RawManifest } from './check-manifest';
import { type Descriptor, DescriptorSchema } from './descriptor';
import { dropNulls } from './drop-nulls';
import { bareMediaType, OCI_INDEX, OCI_MANIFEST } from './media-type';
import { plainRule } from './plain-rule';
import { quoteText } from './quote-text';
import { manifestInvalid } from './registry-error';
import { parseStrictJson } from './strict-json';

const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

const Annotations = z.record(z.string(), z.string());
const ArtifactType = z.string().max(255);
const CommonSchema = z.object({
  subject: DescriptorSchema.exactOptional(),
  artifactType: ArtifactType.exactOptional(),
  annotations: Annotations.exactOptional(),
});
const Descriptors = z.array(DescriptorSchema);
const VersionTwo = z.literal(2, 'must be 2');
const ImageSchema = z.preprocess(
  dropNulls,
  CommonSchema.extend({ schemaVersion: VersionTwo, config: DescriptorSchema, layers: Descriptors.default([]) }),
);
const IndexSchema = z.preprocess(
  dropNulls,
  CommonSchema.extend({ schemaVersion: VersionTwo, manifests: Descriptors.default([]) }),
);

/** The object in a manifest's bytes. Throws MANIFEST_INVALID where there is none. */
export function readObject(bytes: Uint8Array, maxDepth: number): RawManifest {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const value = parseStrictJson(text, { maxDepth });
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as RawManifest;
  } catch (error) {
    throw manifestInvalid(error instanceof SyntaxError ? error.message : 'must be UTF-8');
  }
  throw manifestInvalid('must be a JSON object');
}

/** What type a manifest is: what it states, else what its header says, else what its shape is. The first two must agree. */
export function agreedMediaType(raw: RawManifest, contentType: string | undefined): string {
  const header = contentType === undefined ? '' : bareMediaType(contentType);
  const stated = raw.mediaType ?? '';
  if (typeof stated !== 'string') throw invalid('mediaType', 'must be a string');
  if (stated !== '' && header !== '' && stated.toLowerCase() !== header) {
    throw invalid('mediaType', `${quoteText(stated)} is not what the Content-Type says, ${quoteText(header)}`);
  }
  const mediaType = stated || header || likelyMediaType(raw);
  if (!MEDIA_TYPE.test(mediaType)) throw invalid('mediaType', 'must be a media type, as in RFC 6838');
  return mediaType;
}

/** OCI leaves `mediaType` optional; where no header says it either, the shape does. */
function likelyMediaType(raw: RawManifest): string {
  if ('manifests' in raw) return OCI_INDEX;
  if ('layers' in raw || 'config' in raw || 'fsLayers' in raw) return OCI_MANIFEST;
  throw invalid('mediaType', 'must be stated, here or in the Content-Type');
}

export function readImage(raw: RawManifest, mediaType: string) {
  if (!('config' in raw)) throw invalid('config', `must be there in ${mediaType}`);
  const { schemaVersion: _, ...image } = read(ImageSchema, raw);
  return image;
}

export function readIndex(raw: RawManifest, mediaType: string) {
  if (!('manifests' in raw)) throw invalid('manifests', `must be there in ${mediaType}`);
  const { schemaVersion: _, ...index } = read(IndexSchema, raw);
  return index;
}

function read<T>(schema: z.ZodType<T>, raw: RawManifest): T {
  const { success, data, error } = schema.safeParse(raw, { error: plainRule });
  if (success) return data;
  const [issue] = error.issues;
  throw invalid(pathOf(issue?.path ?? []), issue?.message ?? 'is wrong');
}

/** What can be read of a type that we do not know: fields that do not read as OCI's are passed over. */
export function readOther(raw: RawManifest) {
  const config = legible(DescriptorSchema, raw.config);
  const subject = legible(DescriptorSchema, raw.subject);
  const artifactType = legible(ArtifactType, raw.artifactType);
  const annotations = legible(Annotations, raw.annotations);
  return {
    ...(config === undefined ? {} : { config }),
    ...(subject === undefined ? {} : { subject }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
    layers: [...legibleList(raw.layers), ...legibleList(raw.blobs)],
    manifests: legibleList(raw.manifests),
  };
}

function legibleList(list: unknown): Descriptor[] {
  if (!Array.isArray(list)) return [];
  return list.map((item) => legible(DescriptorSchema, item)).filter((item) => item !== undefined);
}

function legible<T>(schema: z.ZodType<T>, value: unknown): T | undefined {
  return schema.safeParse(value).data;
}

function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
}
