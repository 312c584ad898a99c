import { preset } from './jest.preset.mjs';

/** Unit tests: no network beyond loopback, nothing on the PATH but Node. */
export default {
  ...preset,
  testMatch: ['**/src/**/*.test.ts'],
  testPathIgnorePatterns: [...preset.testPathIgnorePatterns, '\\.int\\.test\\.ts$'],
  testTimeout: 30_000,
};
