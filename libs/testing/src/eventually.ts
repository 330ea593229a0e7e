/** Asks until the answer is neither undefined, null nor false; throws when it takes too long, with what it was last. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | null | false>,
  { withinMs = 30_000, everyMs = 50 } = {},
): Promise<T> {
  const deadline = Date.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== null && answer !== false) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
