import { PROVISIONER_API_VERSION, defineProvisioner } from '@gateway-provisioners/core';
import { distributedConfigSchema, effectiveConfig } from './distributed-config.ts';
import { DistributedProvisioner } from './distributed-provisioner.ts';

/** The provisioner as registries take it. What the settings leave open comes from the gateway's environment. */
export const distributedProvisioner = defineProvisioner({
  name: 'distributed-provisioner',
  apiVersion: PROVISIONER_API_VERSION,
  configSchema: distributedConfigSchema,
  create: async (services, config) =>
    await DistributedProvisioner.open(services, effectiveConfig(config, services.env)),
});
