import { RESTING } from '../run/may-collect';

/** As long as everything here has to be taken up, of what is due. */
const LONG = `interval '1 hour'`;
/** As long as collecting may take: it may have windows, and much to do when one opens. */
const COLLECTING = `interval '1 day'`;

/** An hour before metadata was last here, if it was here all that time: what waited while nothing ran is not stuck. */
const SINCE = `(SELECT seen_at - ${LONG} FROM installation
  WHERE NOT EXISTS (SELECT FROM absence WHERE ended_at > seen_at - ${LONG}))`;

/** Not while cleanup is paused or rests, or a restored database waits to be compared with the store. */
const COLLECTS = `EXISTS (SELECT FROM installation
  WHERE gc_paused_at IS NULL AND generation = reconciled_generation AND NOT ${RESTING})`;

/** Each query answers, as lines that name them, rows that are overdue while nobody does what they are due for. */
export const OVERDUE: readonly string[] = [
  `SELECT format('operation %s (%s) is due since %s, and nobody takes it up', id, kind, due_at)
    FROM operation WHERE state = 'accepted' AND due_at < ${SINCE} AND NOT EXISTS (
      SELECT FROM operation AS other WHERE other.kind = operation.kind AND other.started_at > ${SINCE})`,
  `SELECT format('operation %s (%s) is nobody''s since %s, and has not ended', id, kind, claimed_until)
    FROM operation WHERE state = 'running' AND claimed_until < ${SINCE}`,
  `SELECT format('operation %s (%s) was called off at %s, and has not ended', id, kind, cancel_asked_at)
    FROM operation WHERE state IN ('accepted', 'running') AND cancel_asked_at < ${SINCE}`,
  `SELECT format('the fill of %s from %s is due since %s, and nobody takes it up', digest, upstream, due_at)
    FROM fill WHERE state = 'wanted' AND due_at < ${SINCE} AND NOT EXISTS (
      SELECT FROM fill AS other WHERE other.upstream = fill.upstream AND other.claimed_until > ${SINCE})`,
  `SELECT format('the fill of %s from %s is nobody''s since %s, and has not ended', digest, upstream, claimed_until)
    FROM fill WHERE state = 'running' AND claimed_until < ${SINCE}`,
  `SELECT format('upload session %s ran out at %s, and is still here', id, expires_at)
    FROM upload_session WHERE expires_at < ${SINCE} AND ${COLLECTS}`,
  `SELECT format('the composing of object %s ran out at %s, and is still here', source_id, claimed_until)
    FROM composing WHERE claimed_until < ${SINCE}`,
  `SELECT format('object %s is purging since before %s, and its bytes were not deleted', id, claimed_until)
    FROM object WHERE state = 'purging' AND claimed_until < ${SINCE} - ${COLLECTING} AND ${COLLECTS}`,
  `SELECT format('object %s is condemned, its grace ended at %s, and it was not purged', id, purge_after)
    FROM object WHERE state = 'condemned' AND purge_after < ${SINCE} - ${COLLECTING} AND ${COLLECTS}
      AND NOT EXISTS (SELECT FROM lease WHERE object_id = object.id AND until > ${SINCE} - ${COLLECTING})`,
  `SELECT format('the review of %s %s is due since %s, and was not done', kind, digest, due_at)
    FROM review WHERE due_at < ${SINCE} - ${COLLECTING} AND ${COLLECTS}`,
  `SELECT format('%s facts of partition %s are not published, the oldest since %s', count(*), partition, min(message ->> 'time'))
    FROM outbox GROUP BY partition HAVING min((message ->> 'time')::timestamptz) < ${SINCE}`,
  `SELECT format('%s changes of names are not in the store, the oldest since %s', count(*), min(at))
    FROM journal HAVING min(at) < ${SINCE}`,
  `SELECT format('schedule %s was to run at %s, and did not', name, due_at)
    FROM schedule WHERE enabled AND due_at < ${SINCE}`,
];
