/**
 * `hello-provisioner`: the smallest provisioner that keeps every promise of the contract.
 * @module
 */
import { defineProvisioner } from '@gateway-provisioners/core';
import { helloConfigSchema } from './hello-config.ts';
import { HelloProvisioner } from './hello-provisioner.ts';

export default defineProvisioner({
  name: 'hello-provisioner',
  apiVersion: 1,
  configSchema: helloConfigSchema,
  create: (services, config) => new HelloProvisioner(services, config),
});
