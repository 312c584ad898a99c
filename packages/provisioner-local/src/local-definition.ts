import { PROVISIONER_API_VERSION, defineProvisioner } from '@gateway-provisioners/core';
import { localConfigSchema } from './local-config.ts';
import { LocalProvisioner } from './local-provisioner.ts';

/** The provisioner as registries take it. */
export const localProvisioner = defineProvisioner({
  name: 'local-provisioner',
  apiVersion: PROVISIONER_API_VERSION,
  configSchema: localConfigSchema,
  create: (services, config) => new LocalProvisioner(services, config),
});
