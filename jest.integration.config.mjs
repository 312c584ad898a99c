import { preset } from './jest.preset.mjs';

/** Integration tests: real kernels, real clients, real engines. Run in band. */
export default {
  ...preset,
  testMatch: ['**/src/**/*.int.test.ts'],
  // A net, as that of the unit tests.
  testTimeout: 300_000,
};
