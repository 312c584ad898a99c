import { delay, errorMessage, isProvisionerError } from '@gateway-provisioners/core';
import type { Clock, Logger } from '@gateway-provisioners/core';
import type { DockerEngine } from '@gateway-provisioners/docker-engine';
import { INSTANCE_LABEL } from '@gateway-provisioners/docker-engine/kernels';

const TRIES = 15;
const PAUSE_MS = 1_000;

export interface RemoveVolumesOptions {
  readonly engine: {
    readonly volumes: Pick<DockerEngine['volumes'], 'remove'>;
    readonly services: Pick<DockerEngine['services'], 'list'>;
  };
  readonly clock: Clock;
  readonly logger: Logger;
  readonly instanceId: string;
  /** Names of volumes of the engine's own node. */
  readonly volumes: Iterable<string>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Removes volumes of a service that is gone. A container may have one for a moment longer: there are 15 attempts, a second
 * apart. One that another kernel mounts is left to that one's end, at once; one that somebody else uses is told of.
 */
export async function removeVolumes(options: RemoveVolumesOptions): Promise<void> {
  for (const volume of options.volumes) await removeVolume(options, volume);
}

async function removeVolume(options: RemoveVolumesOptions, volume: string): Promise<void> {
  const { engine, clock, logger, signal } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await engine.volumes.remove(volume, { signal });
      return;
    } catch (error) {
      if (!isProvisionerError(error, 'ENGINE_RESOURCE_IN_USE')) throw error;
      const other = await otherKernel(options, volume);
      if (other !== undefined) {
        logger.debug('a volume is left to another kernel', { volume, service: other });
        return;
      }
      if (attempt === TRIES) {
        logger.warn('a volume could not be removed', { volume, error: errorMessage(error) });
        return;
      }
      await delay(PAUSE_MS, { signal, clock });
    }
  }
}

/** A service of this gateway that mounts it. */
async function otherKernel(
  { engine, instanceId, signal }: RemoveVolumesOptions,
  volume: string,
): Promise<string | undefined> {
  const services = await engine.services.list({ labels: [`${INSTANCE_LABEL}=${instanceId}`] }, { signal });
  return services.find(({ mounts }) => mounts.some(({ type, source }) => type === 'volume' && source === volume))?.name;
}
