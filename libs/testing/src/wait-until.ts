/** Resolves as soon as `happened` says so; throws with `what` after `withinMs` milliseconds. */
export async function waitUntil(what: string, happened: () => boolean, withinMs = 10_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!happened()) {
    if (performance.now() > deadline) throw new Error(`${what} did not happen within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
