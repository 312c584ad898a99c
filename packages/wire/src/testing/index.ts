/**
 * Peers for tests and benchmarks: the sockets of a kernel without the kernel, and fuzzing of the decoders.
 * @module
 */
export type { FakeKernelRequest, FakeKernelSocketsOptions, FakeRequestChannel } from './fake-kernel-sockets.ts';
export { FakeKernelSockets } from './fake-kernel-sockets.ts';
export type { FakeMessagingKernelOptions, FakeMessagingRequest } from './fake-messaging-kernel.ts';
export { FakeMessagingKernel } from './fake-messaging-kernel.ts';
export { fuzzTargets } from './fuzz-targets.ts';
export { RawPublisher } from './raw-publisher.ts';
