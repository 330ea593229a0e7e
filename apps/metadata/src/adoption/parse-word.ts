import { z } from 'zod';
import { DigestSchema } from '#oci/digest';
import { RegistryError } from '#oci/registry-error';
import { RepositoryNameSchema } from '#oci/repository-name';
import { TagSchema } from '#oci/tag';

const named = { repository: RepositoryNameSchema, at: z.iso.datetime({ offset: true }) };
const source = { upstream: z.string().nullable(), credential: z.string().nullable() };

/** What an entry of the journal says, at a time as Postgres writes it. */
const WordSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('repository'), ...named, upstream: z.string().nullable(), private: z.boolean() }),
  z.object({
    kind: z.literal('manifest'),
    ...named,
    ...source,
    digest: DigestSchema,
    mediaType: z.string().optional(),
    /** Base64; absent where it had gone before this was written. */
    bytes: z.string().optional(),
  }),
  z.object({ kind: z.literal('manifest-removed'), ...named, digest: DigestSchema }),
  z.object({
    kind: z.literal('tag'),
    ...named,
    tag: TagSchema,
    digest: DigestSchema,
    principal: z.string().default('unknown'),
  }),
  z.object({ kind: z.literal('tag-removed'), ...named, tag: TagSchema, principal: z.string().default('unknown') }),
  z.object({ kind: z.literal('rights'), ...named, ...source, digests: z.array(DigestSchema) }),
  z.object({ kind: z.literal('rights-ended'), ...named, digests: z.array(DigestSchema) }),
]);

export type Word = z.output<typeof WordSchema>;
export type WordOf<Kind extends Word['kind']> = Extract<Word, { kind: Kind }>;

const KINDS = new Set(WordSchema.options.map(({ shape }) => shape.kind.value as string));

/** Null for a kind that a later program wrote, and this one does not know. Throws for what is no word. */
export function parseWord(line: string): Word | null {
  const said = JSON.parse(line) as { kind?: unknown };
  return KINDS.has(String(said.kind)) ? WordSchema.parse(said) : null;
}

/** The words of a segment, each with the line that says it. Throws INVALID, which names the line and not what is in it. */
export function parseSegment(name: string, bytes: Uint8Array): { readonly line: string; readonly word: Word | null }[] {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString()
    .split('\n')
    .flatMap((line, at) => {
      if (line === '') return [];
      try {
        return [{ line, word: parseWord(line) }];
      } catch (error) {
        throw new RegistryError('INVALID', `segment ${name} of the journal cannot be read at its line ${at + 1}`, {
          cause: error,
        });
      }
    });
}
