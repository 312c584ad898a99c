/**
 * `distributed-provisioner`: kernels on other hosts, over SSH.
 * @module
 */
export type { DistributedConfig } from './distributed-config.ts';
export { configFromEnv, distributedConfigSchema, distributedSettings } from './distributed-config.ts';
// The default export is how a registry finds a provisioner in a package.
export { distributedProvisioner, distributedProvisioner as default } from './distributed-definition.ts';
export type { DistributedProvisionerOptions } from './distributed-provisioner.ts';
export { DistributedProvisioner } from './distributed-provisioner.ts';
export type { KernelHost } from './hosts/kernel-host.ts';
export type { HostLoad, PlacementPolicy } from './placement.ts';
export { leastConnection, leastLoad, roundRobin } from './placement.ts';
