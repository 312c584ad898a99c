import { preset } from './jest.preset.mjs';

/** Unit tests: no network beyond loopback, nothing on the PATH but Node. */
export default {
  ...preset,
  testMatch: ['**/src/**/*.test.ts'],
  testPathIgnorePatterns: [...preset.testPathIgnorePatterns, '\\.int\\.test\\.ts$'],
  // A net under tests that wait for events. A machine that is slow, or stands still for seconds, is no failure.
  testTimeout: 120_000,
};
