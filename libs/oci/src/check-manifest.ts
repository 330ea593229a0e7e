import { DESCRIPTOR_FIELDS, type Descriptor } from './descriptor';
import { digestAlgorithm, digestOf } from './digest';
import { isSchema1 } from './media-type';
import { escapeText, quoteText } from './quote-text';
import { manifestInvalid } from './registry-error';

/** The JSON object that a manifest is, before its fields are known to be right. */
export type RawManifest = Readonly<Record<string, unknown>>;

const LISTS = ['layers', 'manifests', 'blobs'] as const;

export const MANIFEST_FIELDS: readonly string[] = [
  'schemaVersion',
  'mediaType',
  'config',
  ...LISTS,
  'fsLayers',
  'subject',
  'artifactType',
  'annotations',
];

/** Go's decoders, which most clients use, read `Layers` as `layers`: what we pass over must not mean something to them. */
export function refuseMisspelt(object: RawManifest, fields: readonly string[], at: string): void {
  for (const key of Object.keys(object)) {
    if (fields.includes(key)) continue;
    const folded = key.toUpperCase().toLowerCase();
    const meant = fields.find((field) => field.toLowerCase() === folded);
    if (meant !== undefined) throw invalid(`${at}${meant}`, `must be spelt ${meant}, not ${quoteText(key)}`);
  }
}

export function refuseSchema1(raw: RawManifest, mediaType: string): void {
  if (!isSchema1(mediaType) && raw.schemaVersion !== 1 && !('fsLayers' in raw)) return;
  throw invalid(
    'schemaVersion',
    'Docker image manifest schema 1 is no longer served by Docker or kept here: convert the image, for example with "skopeo copy --format v2s2", or build it again',
  );
}

/** CVE-2021-41190: a document that is a manifest to one reader and an index to another. */
export function refuseTwoShapes(raw: RawManifest): void {
  const image = ['layers', 'config'].find((field) => field in raw);
  if (image !== undefined && 'manifests' in raw) {
    throw invalid('manifests', `must not stand beside ${image}: this is either an image manifest or an image index`);
  }
}

export function refuseTooMany(raw: RawManifest, maxDescriptors: number): void {
  const count = LISTS.reduce((sum, field) => sum + (Array.isArray(raw[field]) ? raw[field].length : 0), 0);
  if (count > maxDescriptors) throw manifestInvalid(`may list at most ${maxDescriptors} descriptors, not ${count}`);
}

/** One digest has one size, and embedded `data` is the content that the digest names. */
export function verifyDescriptors(descriptors: Iterable<[at: string, Descriptor]>): void {
  const sizes = new Map<string, number>();
  for (const [at, descriptor] of descriptors) {
    refuseMisspelt(descriptor, DESCRIPTOR_FIELDS, `${at}.`);
    const { digest, size, data } = descriptor;
    if ((sizes.get(digest) ?? size) !== size)
      throw invalid(`${at}.size`, `must be the same wherever ${digest} is listed`);
    sizes.set(digest, size);
    if (data !== undefined && !isContent(descriptor, Buffer.from(data, 'base64'))) {
      throw invalid(`${at}.data`, 'must be the content that the digest and the size describe');
    }
  }
}

function isContent({ digest, size }: Descriptor, content: Uint8Array): boolean {
  return content.byteLength === size && digestOf(content, digestAlgorithm(digest)) === digest;
}

export function invalid(field: string, rule: string) {
  const place = escapeText(field);
  return manifestInvalid(`${place}: ${rule}`, { field: place, rule });
}
