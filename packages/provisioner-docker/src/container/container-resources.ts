import type { LaunchContext } from '@gateway-provisioners/core';
import type { ContainerResources, GpuRequest } from '@gateway-provisioners/docker-engine';
import { requestedResources } from '@gateway-provisioners/docker-engine/kernels';
import type { DockerConfig } from '../settings/docker-settings.ts';

const DEFAULT_PIDS_LIMIT = 4096;

/** What the settings give, and what the request chose within their bounds. Errors: `INVALID_ENV`, `FORBIDDEN`. */
export function containerResources(context: LaunchContext, config: DockerConfig): ContainerResources {
  const chosen = requestedResources(context, { ...config, gpus: countOf(config.gpus) });
  const cpus = chosen.cpus ?? config.cpus;
  const memory = chosen.memoryBytes ?? config.memory;
  // A setting for memory and swap together is about the memory of the settings.
  const swap = chosen.memoryBytes ?? config.memory_swap ?? config.memory;
  const reservation = chosen.memoryReservationBytes ?? atMost(config.memory_reservation, memory);
  const gpus = chosen.gpus === undefined ? config.gpus : someOf(config.gpus, chosen.gpus);
  return {
    pidsLimit: config.pids_limit ?? DEFAULT_PIDS_LIMIT,
    ...(cpus === undefined ? {} : { cpus }),
    ...(config.cpu_shares === undefined ? {} : { cpuShares: config.cpu_shares }),
    ...(config.cpuset_cpus === undefined ? {} : { cpusetCpus: config.cpuset_cpus }),
    ...(memory === undefined ? {} : { memoryBytes: memory }),
    ...(reservation === undefined ? {} : { memoryReservationBytes: reservation }),
    ...(swap === undefined ? {} : { memorySwapBytes: swap }),
    ...(config.shm_size === undefined ? {} : { shmBytes: config.shm_size }),
    ...(config.ulimits === undefined ? {} : { ulimits: config.ulimits }),
    ...(gpus === undefined ? {} : { gpus }),
  };
}

function atMost(amount: number | undefined, bound: number | undefined): number | undefined {
  return amount === undefined || bound === undefined ? amount : Math.min(amount, bound);
}

function countOf(gpus: GpuRequest | undefined): number {
  if (gpus === undefined) return 0;
  return gpus.deviceIds?.length ?? (gpus.count === 'all' ? Infinity : (gpus.count ?? 0));
}

/** Of devices that are named, the first ones: others were never meant for kernels. */
function someOf(gpus: GpuRequest | undefined, count: number): GpuRequest | undefined {
  if (count === 0) return undefined;
  return gpus?.deviceIds === undefined ? { count } : { deviceIds: gpus.deviceIds.slice(0, count) };
}
