/**
 * Launchers for tests: payloads of every version, listeners beside a kernel that is not there, fuzzing of the parsers.
 * @module
 */
export { CommConnection } from './comm-connection.ts';
export type { FakeCommV2Options, FakeCommRequest } from './fake-comm-v2.ts';
export { FakeCommV2 } from './fake-comm-v2.ts';
export { FakeCommV1 } from './fake-comm-v1.ts';
export type { FakeAnswer, FakeAnswerOptions } from './fake-launcher.ts';
export { answerAsLauncher, launcherFields } from './fake-launcher.ts';
export type { EncodedEnvelope, LauncherFields, ReadLauncherV2 } from './launcher-payloads.ts';
export { encodeVersion0, encodeVersion1, encodeVersion2, readLauncherV2 } from './launcher-payloads.ts';
export type { SendPayloadOptions } from './send-payload.ts';
export { sendPayload } from './send-payload.ts';
export { fuzzTargets } from './fuzz-targets.ts';
