import { answerError, type Fault, type Passing } from './fault-proxy.testing';

/** Carries the request out, and gives so many bytes of the answer at the most before the connection ends. */
async function cutAnswer({ forward, response }: Passing, most: number): Promise<void> {
  const write = response.write.bind(response);
  let left = most;
  response.write = ((chunk: Buffer) => {
    const part = chunk.subarray(0, left);
    left -= part.length;
    if (left > 0) return write(part);
    write(part, () => response.destroy());
    return false;
  }) as typeof response.write;
  await forward();
}

/** The client gives up by itself. */
const silence: Fault = () => {};

/** What S3 APIs and what lies before them do wrong. Each is over with the request that meets it. */
export const STORAGE_FAULTS: Readonly<Record<string, Fault>> = {
  'an internal error': ({ response }) => answerError(response, 500, 'InternalError'),
  'a wish for rest': ({ response }) => {
    response.setHeader('retry-after', '1');
    answerError(response, 503, 'SlowDown');
  },
  'a broken connection': ({ response }) => void response.destroy(),
  silence,
  'a late answer': ({ forward }) => new Promise((resolve) => setTimeout(resolve, 150)).then(forward),
  'a lost answer': async ({ forward, response }) => {
    response.writeHead = () => response;
    response.write = () => true;
    response.end = () => response.destroy();
    await forward();
  },
  'an answer that is cut': (passing) => cutAnswer(passing, 1000),
  'a request that is cut': ({ request }) => void request.socket.destroy(),
};

/** No more of them follow one another for one key than a client asks again. */
const MOST_IN_A_ROW = 2;

/** A store that does something wrong with every `nth` request: one fault of `names` after the other, again and again. */
export function moodOf(nth: number, names: readonly string[], met: string[]) {
  const row = new Map<string, number>();
  let asked = 0;
  return (method: string, path: string): Fault | undefined => {
    const what = `${method} ${path}`;
    const before = row.get(what) ?? 0;
    asked += 1;
    if (before >= MOST_IN_A_ROW || asked % nth !== 0) {
      row.delete(what);
      return undefined;
    }
    row.set(what, before + 1);
    const name = names[met.length % names.length]!;
    met.push(name);
    return STORAGE_FAULTS[name];
  };
}
