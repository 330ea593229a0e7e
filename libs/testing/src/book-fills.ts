import { randomUUID } from 'node:crypto';
import { ClaimFills, FailFill, RenewFills } from '#contracts/calls/fills';
import type { QuestionOf } from '#contracts/define-call';
import { BlobFailed, BlobWanted } from '#contracts/facts';
import { stale } from '#oci/registry-error';
import type { Answer, BookRows, FillRow } from './book-rows';
import { claimWork, NEW_WORK, ours, putBack } from './book-work';

type WantedBlob = Pick<FillRow, 'source' | 'repository' | 'digest' | 'size'>;

/** One for a digest, an upstream and a credential. */
export function wantFill(rows: BookRows, blob: WantedBlob): void {
  const isOpen = ({ state }: FillRow) => state === 'wanted' || state === 'running';
  if ([...rows.fills.values()].some((fill) => isOpen(fill) && isSame(fill, blob))) return;
  const row: FillRow = { ...NEW_WORK, ...blob, id: randomUUID(), session: rows.openSession(), state: 'wanted' };
  rows.fills.set(row.id, row);
  rows.say(BlobWanted.subject, blob.digest);
}

function isSame(fill: WantedBlob, { digest, source }: WantedBlob): boolean {
  const { upstream, credential } = fill.source;
  return fill.digest === digest && upstream === source.upstream && credential === source.credential;
}

export function answerFills(rows: BookRows, answer: Answer): void {
  answer(ClaimFills, (question) => {
    const fills = [...rows.fills.values()];
    const { claimed, nextInMs } = claimWork(fills, 'wanted', question.limit, rows.times, roomFor(question));
    return { fills: claimed.map((row) => ({ ...row })), nextInMs };
  });
  answer(RenewFills, ({ fills }) => {
    const held = fills.filter(({ id, epoch }) => ours(rows.fills.get(id), epoch));
    for (const { id } of held) rows.fills.get(id)!.leaseUntil = performance.now() + rows.times.leaseMs;
    return { renewed: held.map(({ id }) => id) };
  });
  answer(FailFill, (question) => {
    const row = ours(rows.fills.get(question.id), question.epoch);
    if (!row) throw stale("the fill is another worker's");
    if (question.discard) row.session = rows.openSession();
    const again = putBack(row, question, rows.times);
    row.state = again ? 'wanted' : 'failed';
    if (!again) rows.say(BlobFailed.subject, row.digest);
    return { failed: !again };
  });
}

/** Takes a place of its upstream and one of its repository, where both have one. */
function roomFor({ limit, perUpstream, perRepository }: QuestionOf<typeof ClaimFills>): (fill: FillRow) => boolean {
  const ofUpstream = new Map(perUpstream?.held.map(({ upstream, fills }) => [upstream, fills]));
  const ofRepository = new Map<string, number>(perRepository?.held.map(({ repository, fills }) => [repository, fills]));
  return ({ source: { upstream }, repository }) => {
    const [ofOne, ofOther] = [ofUpstream.get(upstream) ?? 0, ofRepository.get(repository) ?? 0];
    if (ofOne >= (perUpstream?.most ?? limit) || ofOther >= (perRepository?.most ?? limit)) return false;
    ofUpstream.set(upstream, ofOne + 1);
    ofRepository.set(repository, ofOther + 1);
    return true;
  };
}
