/**
 * `local-provisioner`: kernels as process groups of this machine.
 * @module
 */
export type { LocalConfig } from './local-config.ts';
export { localConfigSchema } from './local-config.ts';
// The default export is how a registry finds a provisioner in a package.
export { localProvisioner, localProvisioner as default } from './local-definition.ts';
export { LocalProvisioner } from './local-provisioner.ts';
export type { ResourceUsage } from './resource-usage.ts';
export { readResourceUsage } from './resource-usage.ts';
