import { PROVISIONER_API_VERSION, defineProvisioner } from '@gateway-provisioners/core';
import { DockerProvisioner } from './docker-provisioner.ts';
import { dockerConfigSchema, effectiveConfig } from './settings/docker-settings.ts';

/** The provisioner as registries take it. What the settings leave open comes from the gateway's environment. */
export const dockerProvisioner = defineProvisioner({
  name: 'docker-provisioner',
  apiVersion: PROVISIONER_API_VERSION,
  configSchema: dockerConfigSchema,
  create: async (services, config) => await DockerProvisioner.open(services, effectiveConfig(config, services.env)),
});
