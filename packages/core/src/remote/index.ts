/**
 * What backends have in common whose kernels run elsewhere and call home through a launcher.
 * @module
 */
export type { AttachRemoteKernelOptions } from './attach-remote-kernel.ts';
export { attachRemoteKernel } from './attach-remote-kernel.ts';
export { envElsewhere } from './env-elsewhere.ts';
export { HeldKernels } from './held-kernels.ts';
export type { CreateOptions, LaunchRemoteKernelOptions } from './launch-remote-kernel.ts';
export { launchRemoteKernel } from './launch-remote-kernel.ts';
export { launcherPlaceholders } from './launcher-placeholders.ts';
export type { LauncherFacts, RemoteResource, WayToKernel } from './remote-resource.ts';
export type { RemoteState } from './remote-state.ts';
export { formatRemoteState, leastRemoteState, parseRemoteState } from './remote-state.ts';
