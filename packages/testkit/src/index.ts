/**
 * For tests of provisioners, ours and strangers': a conformance suite, a fake kernel, and a client to talk to kernels.
 * @module
 */
export type { ConformanceCase, ConformanceOptions } from './conformance/conformance-options.ts';
export type { KernelLanguage } from './conformance/kernel-language.ts';
export { fakeKernelLanguage, pythonLanguage } from './conformance/kernel-language.ts';
export { provisionerConformance } from './conformance/provisioner-conformance.ts';
export type { FakeKernelMisbehaviour, FakeKernelSpecOptions } from './fake-kernel-spec.ts';
export { fakeKernelProgram, fakeKernelSpec } from './fake-kernel-spec.ts';
export type { LaunchBenchOptions } from './launch-bench.ts';
export { LaunchBench } from './launch-bench.ts';
export { launcherSpec, pythonLauncherArgv } from './launcher-spec.ts';
export { LazyRendezvous } from './lazy-rendezvous.ts';
export type { TestKernelClientOptions, TestReply } from './test-kernel-client.ts';
export { TestKernelClient } from './test-kernel-client.ts';
export type { TestRendezvousOptions } from './test-rendezvous.ts';
export { createTestRendezvous } from './test-rendezvous.ts';
