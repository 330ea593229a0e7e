/** A server-sent event (HTML Living Standard, 9.2.6). */
export interface ServerEvent {
  readonly event: string;
  readonly id: string | undefined;
  readonly data: string;
}

/** An event larger than this is no event of ours: nothing here grows without bound. */
const LONGEST_EVENT = 16 * 1024 * 1024;

/** The events in a stream of text, however it is cut. Comments are passed over; what the end cut off is no event. */
export async function* parseEventStream(texts: AsyncIterable<string>): AsyncGenerator<ServerEvent> {
  let rest = '';
  for await (const text of texts) {
    rest += text;
    const blocks = rest.split(/\r\n\r\n|\n\n|\r\r/);
    rest = blocks.pop() ?? '';
    if (rest.length > LONGEST_EVENT) throw new Error('an event of the server has no end');
    for (const block of blocks) {
      const event = parseBlock(block);
      if (event) yield event;
    }
  }
}

function parseBlock(block: string): ServerEvent | undefined {
  let event = 'message';
  let id: string | undefined;
  const data: string[] = [];
  for (const line of block.split(/\r\n|\n|\r/)) {
    const [, field, value = ''] = /^([^:]+)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'event') event = value;
    if (field === 'id') id = value;
    if (field === 'data') data.push(value);
  }
  return data.length === 0 ? undefined : { event, id, data: data.join('\n') };
}
