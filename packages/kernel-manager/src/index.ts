/**
 * The life of Jupyter kernels, usable without any server.
 * @module
 */
export { createKernelManager } from './create-kernel-manager.ts';
export type { KernelSpecInCode } from './kernel-specs-of.ts';
export { kernelSpecsOf } from './kernel-specs-of.ts';
export type { LazyRendezvousOptions } from './lazy-rendezvous.ts';
export { LazyRendezvous } from './lazy-rendezvous.ts';
export type {
  AutoRestartOptions,
  CullingOptions,
  JournalOptions,
  KernelLimits,
  KernelManagerOptions,
  KernelSpecSource,
  ProvisionerSource,
} from './options.ts';
export type { FileStoreOptions } from './store/file-store.ts';
export { fileStore } from './store/file-store.ts';
export type { KernelRecord, RecordPhase, RecordedKernelSpec } from './store/kernel-record.ts';
export { memoryStore } from './store/memory-store.ts';
export type { KernelStore, StoreListing, StoredRecord } from './store/kernel-store.ts';
export type {
  CloseClientOptions,
  ConnectOptions,
  ExecuteOptions,
  Execution,
  ExecutionState,
  Kernel,
  KernelClient,
  KernelEvents,
  KernelImagesOptions,
  KernelManager,
  KernelModel,
  KernelPhase,
  MessageSink,
  RecoveryReport,
  StartKernelOptions,
} from './types.ts';
