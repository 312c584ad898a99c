import type { LazyProvisioner, ProvisionerRegistry } from '@gateway-provisioners/core';

/** One line for each backend; its module, and with it any vendor library, is imported when a kernelspec first needs it. */
export const bundledProvisioners: readonly LazyProvisioner[] = [
  {
    name: 'local-provisioner',
    origin: { kind: 'registered', package: '@gateway-provisioners/provisioner-local' },
    load: () => import('@gateway-provisioners/provisioner-local'),
  },
  {
    name: 'docker-provisioner',
    origin: { kind: 'registered', package: '@gateway-provisioners/provisioner-docker' },
    load: () => import('@gateway-provisioners/provisioner-docker'),
  },
  {
    name: 'docker-swarm-provisioner',
    origin: { kind: 'registered', package: '@gateway-provisioners/provisioner-swarm' },
    load: () => import('@gateway-provisioners/provisioner-swarm'),
  },
  {
    name: 'distributed-provisioner',
    origin: { kind: 'registered', package: '@gateway-provisioners/provisioner-distributed' },
    load: () => import('@gateway-provisioners/provisioner-distributed'),
  },
];

/**
 * Registers all of them. Errors: `PROVISIONER_DUPLICATE` when the registry has one of the names already.
 */
export function registerBundledProvisioners(registry: ProvisionerRegistry): void {
  for (const provisioner of bundledProvisioners) registry.registerLazy(provisioner);
}
