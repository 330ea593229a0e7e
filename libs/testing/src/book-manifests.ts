import { CommitManifest, ConfirmTag, ReadManifest, ResolveTags } from '#contracts/calls/manifests';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { digestAlgorithm, digestOf } from '#oci/digest';
import { digestInvalid } from '#oci/registry-error';
import { wantFill } from './book-fills';
import { runningOperation } from './book-operations';
import { type Answer, type BookRows, blobsOf } from './book-rows';

export function answerManifests(rows: BookRows, answer: Answer): void {
  const { manifests, tags } = rows;
  answer(ResolveTags, (question) => ({
    manifests: question.tags.map(({ repository, tag }) => {
      const found = tags.get(`${repository} ${tag}`);
      const manifest = found && manifests.get(`${repository} ${found.digest}`);
      if (!found || !manifest) return null;
      const { mediaType, bytes } = manifest;
      return { digest: found.digest, mediaType, size: bytes.byteLength, ageMs: performance.now() - found.askedAt };
    }),
  }));
  answer(ReadManifest, ({ repository, digest }) => {
    const found = manifests.get(`${repository} ${digest}`);
    return found ? { found: true, mediaType: found.mediaType, bytes: found.bytes } : { found: false, mediaType: '' };
  });
  answer(ConfirmTag, ({ repository, tag, digest, askedMsAgo }) => {
    const held = tags.get(`${repository} ${tag}`);
    if (held?.digest !== digest) return { confirmed: false };
    held.askedAt = performance.now() - askedMsAgo;
    return { confirmed: true };
  });
  answer(CommitManifest, (question) => commit(rows, question));
}

function commit(rows: BookRows, question: QuestionOf<typeof CommitManifest>): AnswerOf<typeof CommitManifest> {
  const { repository, source, mediaType, digest, bytes, tag, fill, operation, isPrivate } = question;
  if (operation) runningOperation(rows, operation).manifests.add(`${repository} ${digest}`);
  if (digestOf(bytes, digestAlgorithm(digest)) !== digest)
    throw digestInvalid(digest, 'is not the digest of these bytes');
  rows.manifests.set(`${repository} ${digest}`, { mediaType, bytes, source, isPrivate });
  if (tag) rows.moveTag(repository, tag.name, digest, tag.askedMsAgo);
  const missing = blobsOf({ bytes, mediaType }).filter((blob) => !rows.blobs.has(blob.digest));
  for (const blob of fill ? missing : []) wantFill(rows, { source, repository, ...blob });
  return { missing };
}
