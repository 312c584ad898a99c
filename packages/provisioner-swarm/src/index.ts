/**
 * `docker-swarm-provisioner`: kernels as services of a Docker Swarm.
 * @module
 */
export type { SwarmConfig } from './settings/swarm-settings.ts';
export { swarmConfigSchema, swarmSettings } from './settings/swarm-settings.ts';
// The default export is how a registry finds a provisioner in a package.
export { swarmProvisioner, swarmProvisioner as default } from './swarm-definition.ts';
export { SwarmProvisioner } from './swarm-provisioner.ts';
