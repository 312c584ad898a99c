/**
 * `distributed-provisioner`: kernels on other hosts, over SSH.
 * @module
 */
export type { DistributedConfig } from './distributed-config.ts';
export { configFromEnv, distributedConfigSchema, distributedSettings } from './distributed-config.ts';
