/** The types of jest do not know it yet. */
const { addEqualityTesters } = expect as unknown as {
  addEqualityTesters(testers: readonly ((there: unknown, expected: unknown) => boolean | undefined)[]): void;
};

/**
 * A pattern within what is expected is matched against the text that is there. By itself `toMatchObject` asks of what is
 * there to have the pattern's own fields, of which it has none: anything would pass.
 */
addEqualityTesters([
  (there, expected) =>
    expected instanceof RegExp && !(there instanceof RegExp)
      ? typeof there === 'string' && expected.test(there)
      : undefined,
]);
