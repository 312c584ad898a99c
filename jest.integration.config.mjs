import { preset } from './jest.preset.mjs';

/** Integration tests: real kernels, real clients, real engines. Run in band. */
export default {
  ...preset,
  testMatch: ['**/src/**/*.int.test.ts'],
  testTimeout: 120_000,
};
