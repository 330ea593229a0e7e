/** Specs lie beside the files they hold; `test/` runs the real program against real peers. */
const shared = {
  rootDir: __dirname,
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  transform: { '^.+\\.(t|j)s$': ['@swc/jest', { swcrc: true }] },
  transformIgnorePatterns: [
    '/node_modules/(?!(@nestjs|cookie|file-type|load-esm|strtok3|token-types|uint8array-extras|es-toolkit|@tokenizer)/)',
  ],
  setupFiles: ['reflect-metadata'],
  setupFilesAfterEnv: ['<rootDir>/libs/testing/src/match-patterns.ts'],
};

module.exports = {
  testTimeout: 60_000,
  projects: [
    {
      ...shared,
      displayName: 'specs',
      testMatch: ['<rootDir>/{apps,libs}/**/*.spec.ts', '<rootDir>/test/checks/**/*.spec.ts'],
    },
    { ...shared, displayName: 'end-to-end', testMatch: ['<rootDir>/test/**/*.e2e.ts'] },
  ],
};
