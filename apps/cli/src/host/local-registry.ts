import { registerBundledProvisioners } from '@gateway-provisioners/bundle';
import { ProvisionerRegistry, noRendezvous, silentLogger, systemClock } from '@gateway-provisioners/core';
import type { JsonObject, Rendezvous } from '@gateway-provisioners/core';
import type { Environment } from '@gateway-provisioners/kernelspec';

export interface LocalRegistryOptions {
  readonly env: Environment;
  readonly instanceId: string;
  readonly runtimeDir: string;
  /** Where launchers call home. Default: nowhere, for programs that start no kernel. */
  readonly rendezvous?: Rendezvous;
  readonly baseConfig?: Readonly<Record<string, JsonObject>>;
}

/** The provisioners that ship with this program. */
export function openLocalRegistry(options: LocalRegistryOptions): ProvisionerRegistry {
  const { env, instanceId, runtimeDir, baseConfig, rendezvous = noRendezvous } = options;
  const services = { instanceId, logger: silentLogger, clock: systemClock, runtimeDir, env, rendezvous };
  const registry = new ProvisionerRegistry({ services, baseConfig });
  registerBundledProvisioners(registry);
  return registry;
}
