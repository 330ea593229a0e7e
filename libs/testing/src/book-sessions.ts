import { FinishUpload, ReadSession } from '#contracts/calls/sessions';
import type { AnswerOf, QuestionOf } from '#contracts/define-call';
import { BlobStored } from '#contracts/facts';
import { digestAlgorithm, digestOf } from '#oci/digest';
import { blobUploadUnknown, digestInvalid, sizeInvalid } from '#oci/registry-error';
import type { Answer, BookRows } from './book-rows';

export function answerSessions(rows: BookRows, answer: Answer): void {
  answer(ReadSession, ({ session }) => {
    const found = rows.sessions.get(session);
    if (!found || found.isEnded) throw blobUploadUnknown(session);
    return { object: session, repository: 'any' as never, offset: found.length };
  });
  answer(FinishUpload, (question) => finish(rows, question));
}

/** The bytes become a blob, and every fill of it is done. */
function finish(rows: BookRows, question: QuestionOf<typeof FinishUpload>): AnswerOf<typeof FinishUpload> {
  const { session, digest, size } = question;
  const found = rows.sessions.get(session);
  if (!found) throw blobUploadUnknown(session);
  const { bytes } = found;
  if (size !== undefined && size !== bytes.byteLength) throw sizeInvalid('the blob', size, bytes.byteLength);
  if (digestOf(bytes, digestAlgorithm(digest)) !== digest) throw digestInvalid(digest, 'the bytes hash otherwise');
  found.isEnded = true;
  rows.blobs.set(digest, bytes);
  for (const fill of rows.fills.values()) if (fill.digest === digest) fill.state = 'done';
  rows.say(BlobStored.subject, digest);
  return { object: session, size: bytes.byteLength };
}
