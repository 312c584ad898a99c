/**
 * `docker-provisioner`: kernels in containers of a Docker Engine.
 * @module
 */
export type { DockerConfig } from './settings/docker-settings.ts';
export { dockerConfigSchema, dockerSettings } from './settings/docker-settings.ts';
// The default export is how a registry finds a provisioner in a package.
export { dockerProvisioner, dockerProvisioner as default } from './docker-definition.ts';
export { DockerProvisioner } from './docker-provisioner.ts';
