// How long answers take: by one asker, who waits for each, or by several at once.
import { Agent, request } from 'node:http';

/** One connection for each asker, kept open. */
export function askerOf(url, connections = 1) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const ask = (path, { method = 'GET', body, headers = {} } = {}) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const all = text === undefined ? headers : { 'content-type': 'application/json', ...headers };
      const asked = request(`${url}${path}`, { agent, method, headers: all }, (answer) => {
        const parts = [];
        answer.on('data', (part) => parts.push(part));
        answer.once('error', reject);
        answer.once('end', () =>
          resolve({ status: answer.statusCode, headers: answer.headers, text: Buffer.concat(parts).toString() }),
        );
      });
      asked.once('error', reject);
      asked.end(text);
    });
  return { ask, close: () => agent.destroy() };
}

export function percentile(numbers, part) {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)];
}

/** Runs `act(at)` until as many were done or the time is over, so many at once. Gives each one's milliseconds. */
export async function timeEach(act, { most, withinMs, atOnce = 1 }) {
  const took = [];
  const end = performance.now() + withinMs;
  let next = 0;
  const go = async () => {
    while (next < most && performance.now() < end) {
      const at = next;
      next += 1;
      const began = performance.now();
      await act(at);
      took.push(performance.now() - began);
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: atOnce }, go));
  return { took, perSecond: (took.length * 1000) / (performance.now() - began) };
}

export const ms = (number) => (number < 10 ? number.toFixed(1) : number.toFixed(0));
