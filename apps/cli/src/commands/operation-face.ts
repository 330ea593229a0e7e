import { type Desk, shortId } from '../desk';
import { formatSize } from '../format-size';
import { formatFields } from '../format-table';
import { formatMoment } from '../format-time';
import { pasteName } from '../paste-name';
import type { SeenOperation } from '../seen-operation';
import { type Face, tableOf } from '../show';

const about = ({ body }: SeenOperation): string =>
  [body.reference, body.image, body.source, body.target, body.container, body.id]
    .filter((text) => typeof text === 'string')
    .join(' → ');

export function operationsFace(): Face<SeenOperation> {
  const now = Date.now();
  return tableOf(
    [
      { title: 'ID', text: ({ id }) => id },
      { title: 'KIND', text: ({ kind }) => kind },
      { title: 'STATE', text: ({ state }) => state },
      { title: 'ABOUT', text: about },
      { title: 'BYTES', right: true, text: ({ bytesDone, bytesTotal }) => ofTotal(bytesDone, bytesTotal) },
      { title: 'ACCEPTED', text: ({ acceptedAt }) => formatMoment(acceptedAt, now) },
      { title: 'WHY', text: ({ error }) => error?.code ?? '' },
    ],
    ({ id }) => [id],
  );
}

/** One operation with all that it says. */
export function operationFace(desk: Desk): Face<SeenOperation> {
  const now = Date.now();
  const fields = (operation: SeenOperation) => {
    const { id, kind, state, attempts, image, bytesDone, bytesTotal, layers, error, outcome } = operation;
    return formatFields([
      ['Operation', id],
      ['Kind', kind],
      ['About', about(operation)],
      ['State', state],
      ['Attempts', attempts > 1 ? String(attempts) : ''],
      ['Accepted', formatMoment(operation.acceptedAt, now)],
      ['Ended', formatMoment(operation.endedAt, now)],
      ['Next attempt', state === 'accepted' ? formatMoment(operation.nextAttemptAt, now) : ''],
      ['Image', image === null ? '' : `${pasteName(image.repository, desk.warehouse.base.host)}@${image.digest}`],
      ['Bytes', ofTotal(bytesDone, bytesTotal)],
      ['Layers', layers.map((layer) => `${shortId(desk, layer.digest)}  ${layer.state}  ${formatSize(layer.size)}`)],
      ['Error', error === null ? '' : `${error.code}: ${error.message}`],
      ['Outcome', outcome === null ? '' : JSON.stringify(outcome)],
    ]);
  };
  return { table: (operations) => operations.map(fields).join('\n'), names: ({ id }) => [id] };
}

function ofTotal(done: number, total: number): string {
  if (total === 0) return '';
  return done === total ? formatSize(total) : `${formatSize(done)} of ${formatSize(total)}`;
}
