/**
 * What the provisioners have in common that run kernels in containers of Docker Engines.
 * @module
 */
export type { ContainerUser, ImageChoice, ImageWish, ProhibitedIds } from './access.ts';
export { chooseImage, containerUser } from './access.ts';
export { assertReachable } from './assert-reachable.ts';
export { exitOf, isRunning } from './container-end.ts';
export { containerEnv } from './container-env.ts';
export { imageOffers, imageOrNone } from './image-offers.ts';
export type { KernelCommand } from './kernel-command.ts';
export { kernelCommand } from './kernel-command.ts';
export { INSTANCE_LABEL, OWNER_LABEL, kernelLabels } from './kernel-labels.ts';
export { kernelStats } from './kernel-stats.ts';
export { kernelSettings } from './kernel-settings.ts';
export type { RequestedResources, ResourceBounds } from './requested-resources.ts';
export { readCores, readCount, readMemory, requestedResources } from './requested-resources.ts';
export type { AttachParts, LaunchParts } from './owned-kernels.ts';
export { OwnedKernels, isOwnedBy } from './owned-kernels.ts';
export { settingsPage } from './settings-page.ts';
export type { SharedEngine } from './shared-engine.ts';
export { SharedEngines } from './shared-engine.ts';
export {
  byteSize,
  cores,
  device,
  flag,
  gpus,
  mount,
  text,
  textList,
  ulimit,
  volume,
  wholeNumber,
} from './value-schemas.ts';
export { workingFolder } from './working-folder.ts';
