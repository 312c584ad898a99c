/**
 * What the tools share: starting any Jupyter server from a small definition, and seeing that nothing is left of it.
 * @module
 */
export { freePort } from './support/free-port.ts';
export type { GatewayOptions } from './support/gateway-under-test.ts';
export { cliProgram, gatewayDefinition, gatewayUnderTest } from './support/gateway-under-test.ts';
export { OutputTail } from './support/output-tail.ts';
export type { CensusEntry } from './support/process-census.ts';
export { processesMarked } from './support/process-census.ts';
export type { ScratchEnvironmentOptions, ScratchFolder } from './support/scratch-folder.ts';
export { createScratchFolder } from './support/scratch-folder.ts';
export type { ServerDefinition } from './support/server-definition.ts';
export { parseServerDefinition, readServerDefinition } from './support/server-definition.ts';
export type { RunningServer, StartServerOptions } from './support/server-process.ts';
export { startServer } from './support/server-process.ts';
export { testBrowser, testPython, workspaceFolder } from './support/test-environment.ts';
export type { UntilOptions } from './support/until.ts';
export { until } from './support/until.ts';
