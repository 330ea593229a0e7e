import { parseEventStream, type ServerEvent } from './parse-event-stream';

async function parsed(...texts: string[]): Promise<ServerEvent[]> {
  async function* stream() {
    yield* texts;
  }
  const all: ServerEvent[] = [];
  for await (const event of parseEventStream(stream())) all.push(event);
  return all;
}

const TEXT = 'event: operation\nid: 7\ndata: {"a":1}\n\n: a comment\n\ndata: x\ndata: y\n\n';
const EVENTS = [
  { event: 'operation', id: '7', data: '{"a":1}' },
  { event: 'message', id: undefined, data: 'x\ny' },
];

describe('a stream of events', () => {
  it('is read, comments passed over', async () => expect(await parsed(TEXT)).toEqual(EVENTS));

  it('is the same however it is cut', async () => expect(await parsed(...TEXT)).toEqual(EVENTS));

  it('what its end cut off is no event', async () => expect(await parsed('data: 1\n\ndata: 2\n')).toHaveLength(1));

  it('an event without an end is refused, not kept', async () => {
    await expect(parsed('data: '.padEnd(17 * 1024 * 1024, 'x'))).rejects.toThrow(/has no end/);
  });
});
