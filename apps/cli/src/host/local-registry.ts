import { registerBundledProvisioners } from '@gateway-provisioners/bundle';
import { ProvisionerRegistry, silentLogger, systemClock } from '@gateway-provisioners/core';
import type { JsonObject } from '@gateway-provisioners/core';
import type { Environment } from '@gateway-provisioners/kernelspec';

export interface LocalRegistryOptions {
  readonly env: Environment;
  readonly instanceId: string;
  readonly runtimeDir: string;
  readonly baseConfig?: Readonly<Record<string, JsonObject>>;
}

/** The provisioners that ship with this program. */
export function openLocalRegistry(options: LocalRegistryOptions): ProvisionerRegistry {
  const { env, instanceId, runtimeDir, baseConfig } = options;
  const services = { instanceId, logger: silentLogger, clock: systemClock, runtimeDir, env };
  const registry = new ProvisionerRegistry({ services, baseConfig });
  registerBundledProvisioners(registry);
  return registry;
}
