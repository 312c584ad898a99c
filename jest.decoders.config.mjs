import config from './jest.config.mjs';

/** The decoders' own tests, with the branch coverage that they must keep: `npm run test:decoders`. */
export default {
  ...config,
  testMatch: ['**/packages/wire/src/**/*.test.ts'],
  collectCoverage: true,
  coverageProvider: 'v8',
  coverageReporters: ['text'],
  collectCoverageFrom: [
    'packages/wire/src/connection-info.ts',
    'packages/wire/src/message-frames.ts',
    'packages/wire/src/message-signer.ts',
    'packages/wire/src/framings/{v1-framing,default-framing,json-scanner}.ts',
    'packages/wire/src/zmtp/{frame-decoder,command,greeting}.ts',
  ],
  coverageThreshold: { global: { branches: 95 } },
};
