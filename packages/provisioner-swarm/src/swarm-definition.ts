import { PROVISIONER_API_VERSION, defineProvisioner } from '@gateway-provisioners/core';
import { effectiveConfig, swarmConfigSchema } from './settings/swarm-settings.ts';
import { SwarmProvisioner } from './swarm-provisioner.ts';

/** The provisioner as registries take it. What the settings leave open comes from the gateway's environment. */
export const swarmProvisioner = defineProvisioner({
  name: 'docker-swarm-provisioner',
  apiVersion: PROVISIONER_API_VERSION,
  configSchema: swarmConfigSchema,
  create: async (services, config) => await SwarmProvisioner.open(services, effectiveConfig(config, services.env)),
});
