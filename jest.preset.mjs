// Shared by every Jest configuration: ESM mode, sources read directly (no build before tests).
export const preset = {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleFileExtensions: ['ts', 'js', 'mjs', 'json', 'node'],
  // Never add the `import` condition here: one of Jest's own dependencies breaks under it.
  testEnvironmentOptions: { customExportConditions: ['@gateway-provisioners/source', 'node'] },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  modulePathIgnorePatterns: ['/dist/', '/out-tsc/'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/out-tsc/'],
  watchman: false,
};
