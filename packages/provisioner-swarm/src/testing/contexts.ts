import { noRendezvous } from '@gateway-provisioners/core';
import type { LaunchContext, LauncherParameters } from '@gateway-provisioners/core';
import { serviceRequest } from '../service/service-request.ts';
import type { ServiceRequest } from '../service/service-request.ts';
import { chooseEntry } from '../service/choose-entry.ts';
import { userChoice } from '../service/user-choice.ts';
import { placeholderValues } from '../service/user-data.ts';
import { swarmConfigSchema } from '../settings/swarm-settings.ts';
import { swarmSpec } from './swarm-bench.ts';

export const kernelId = '7a3bbd2d-0bb9-4d4a-8a3c-000000000001';
export const parameters: LauncherParameters = {
  public: { kernelId, responseAddress: '10.0.0.1:8877', publicKey: 'KEY', portRange: '0..0' },
  secret: { launcherV2: 'SECRET' },
};

export function launchContext(overrides: Partial<LaunchContext> = {}): LaunchContext {
  return {
    instanceId: 'gw',
    kernelId,
    incarnation: 1,
    owner: 'alice',
    kernelSpec: swarmSpec([]),
    env: {},
    deadline: 1,
    transportEncryption: 'disabled',
    rendezvous: noRendezvous,
    checkpoint: () => Promise.resolve(),
    ...overrides,
  };
}

/** All that happens before the engine is asked. */
export async function requestOf(given: object = {}, overrides: Partial<LaunchContext> = {}): Promise<ServiceRequest> {
  const config = swarmConfigSchema.parse({ image_name: 'img', networks: ['net'], ...given });
  const context = launchContext(overrides);
  const values = await placeholderValues(context, config);
  const user = userChoice(context, config, values);
  const entry = await chooseEntry(context, config, user);
  return serviceRequest({ context, config, parameters, entry, user, values, hostEnv: {} });
}
