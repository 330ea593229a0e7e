/**
 * Tests that need more than this program. Where nothing is missing they run; in CI what is missing is a failure, elsewhere
 * a skip whose title says it.
 */
export function describeWhere(missing: string | undefined, title: string, body: () => void): void {
  const { skip } = describe;
  if (missing === undefined) describe(title, body);
  else if (process.env.CI) describe(title, () => it(missing, () => Promise.reject(new Error(missing))));
  else skip(`${title} (${missing})`, body);
}
