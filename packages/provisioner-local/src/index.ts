/**
 * `local-provisioner`: kernels as process groups of this machine.
 * @module
 */
import { PROVISIONER_API_VERSION, defineProvisioner } from '@gateway-provisioners/core';
import { localConfigSchema } from './local-config.ts';
import { LocalProvisioner } from './local-provisioner.ts';

export type { LocalConfig } from './local-config.ts';
export { localConfigSchema } from './local-config.ts';
export { LocalProvisioner } from './local-provisioner.ts';
export type { ResourceUsage } from './resource-usage.ts';
export { readResourceUsage } from './resource-usage.ts';

/**
 * The provisioner as registries take it; also the default export, by which it is found.
 * @alias
 */
export const localProvisioner = defineProvisioner({
  name: 'local-provisioner',
  apiVersion: PROVISIONER_API_VERSION,
  configSchema: localConfigSchema,
  create: (services, config) => new LocalProvisioner(services, config),
});

export default localProvisioner;
