/**
 * Peers for tests and benchmarks: the sockets of a kernel without the kernel, and fuzzing of the decoders.
 * @module
 */
export type { FakeKernelRequest, FakeKernelSocketsOptions, FakeRequestChannel } from './fake-kernel-sockets.ts';
export { FakeKernelSockets } from './fake-kernel-sockets.ts';
export { RawPublisher } from './raw-publisher.ts';
