import { ProvisionerError } from '@gateway-provisioners/core';
import type { LaunchContext } from '@gateway-provisioners/core';
import { readCores, readCount, readMemory } from '@gateway-provisioners/docker-engine/kernels';
import type { ImageEntry, MountOptions, ResourceOptions } from '../settings/service-options.ts';
import type { SwarmConfig } from '../settings/swarm-settings.ts';
import { USER_OPTIONS_VARIABLE, parseUserOptions, userOptionsPolicy } from '../settings/user-options.ts';
import type { PolicyKey, UserOptions, UserOptionsPolicy } from '../settings/user-options.ts';
import { fillPath, matches } from './templates.ts';
import type { PlaceholderValues } from './templates.ts';

/**
 * What the request chose, as far as it may: nothing, unless `use_user_options`. What it may not say is refused, not passed
 * over; how much of resources it may have is a matter of the image, too ({@link assertResources}).
 * Errors: `INVALID_ENV`, `FORBIDDEN`.
 */
export function userChoice({ env }: LaunchContext, config: SwarmConfig, values: PlaceholderValues): UserOptions {
  if (config.use_user_options !== true) return {};
  const policy = config.user_options_policy ?? userOptionsPolicy.parse({});
  const options = parseUserOptions(env);
  const resources = { ...resourcesOfEnv(env, config.gpu_resource ?? 'gpu'), ...options.resource_spec };
  for (const key of keysOf(options)) {
    if (!policy.keys.includes(key)) throw refused(`${key} may not be chosen: see keys of user_options_policy`);
  }
  for (const mount of options.container_spec?.mounts ?? []) assertMount(mount, policy, values);
  for (const network of options.networks ?? []) {
    if (!policy.networks.includes(network))
      throw refused(`network ${network} is not in networks of user_options_policy`);
  }
  if (Object.keys(resources).length === 0) return options;
  if (!policy.keys.includes('resource_spec'))
    throw refused('resources may not be chosen: see keys of user_options_policy');
  return { ...options, resource_spec: resources };
}

function keysOf(options: UserOptions): readonly PolicyKey[] {
  const { container_spec: container = {}, user_selected_image: image = container.Image ?? container.image } = options;
  const given: Readonly<Record<PolicyKey, unknown>> = {
    image,
    args: container.args,
    env: container.env,
    workdir: container.workdir,
    mounts: container.mounts,
    resource_spec: options.resource_spec,
    placement: options.placement,
    networks: options.networks,
    name: options.name,
    log_driver: options.log_driver,
  };
  const isKey = (key: string): key is PolicyKey => Object.hasOwn(given, key);
  return Object.keys(given)
    .filter(isKey)
    .filter((key) => given[key] !== undefined);
}

/** A driver's options can mount anything of the node, so that users give none. */
function assertMount(mount: MountOptions, policy: UserOptionsPolicy, values: PlaceholderValues): void {
  const { type } = mount;
  if (!policy.mount_types.includes(type))
    throw refused(`mounts of type ${type} are not in mount_types of user_options_policy`);
  if (type === 'tmpfs') return;
  if (type === 'bind') {
    const source = fillPath(mount.source, values);
    const isPlain = !source.split('/').some((part) => part === '..' || part === '.');
    const isAllowed = policy.bind_sources.some((pattern) => matches(source, fillPath(pattern, values)));
    if (!isPlain || !isAllowed) throw refused(`${source} is not in bind_sources of user_options_policy`);
    return;
  }
  if (mount.driver_config !== undefined) throw refused('the driver of a volume may not be chosen');
  const source = fillPath(mount.source ?? '', values);
  if (source === '') return;
  const isAllowed = policy.volume_names.some((pattern) => matches(source, fillPath(pattern, values)));
  if (/^[A-Za-z0-9][\w.-]*$/.test(source) && isAllowed) return;
  throw refused(`volume ${JSON.stringify(source)} is not in volume_names of user_options_policy`);
}

/**
 * Refuses more than `max_resource_spec` allows, else more than the settings give, those of the image before those of all.
 * Where only a limit is bounded, a reservation is bounded by the same. Errors: `FORBIDDEN`.
 */
export function assertResources(
  chosen: ResourceOptions,
  { config, entry }: { readonly config: SwarmConfig; readonly entry: Pick<ImageEntry, 'resource_spec'> },
): void {
  const most: ResourceOptions = {
    ...config.resource_spec,
    ...entry.resource_spec,
    ...config.user_options_policy?.max_resource_spec,
  };
  const bounds = {
    cpu_limit: most.cpu_limit,
    cpu_reservation: most.cpu_reservation ?? most.cpu_limit,
    mem_limit: most.mem_limit,
    mem_reservation: most.mem_reservation ?? most.mem_limit,
  };
  for (const key of ['cpu_limit', 'cpu_reservation', 'mem_limit', 'mem_reservation'] as const) {
    const [wanted, bound] = [chosen[key], bounds[key]];
    if (wanted !== undefined && bound !== undefined && wanted > bound) {
      throw refused(`${key} ${String(wanted)} is more than ${String(bound)}, the most that users may have`);
    }
  }
  for (const [kind, wanted] of Object.entries(chosen.generic_resources ?? {})) {
    const bound = most.generic_resources?.[kind] ?? 0;
    if (wanted > bound) {
      throw refused(
        `${String(wanted)} of resource ${kind} are more than ${String(bound)}, the most that users may have`,
      );
    }
  }
}

/**
 * `KERNEL_CPUS`, `KERNEL_MEMORY`, `KERNEL_GPUS` and their `_LIMIT`, as Gateway Provisioners has them for Kubernetes and
 * `docker-provisioner` reads them. What of GPUs is set aside is all that there is: of a pair the limit counts.
 */
function resourcesOfEnv(env: Readonly<Record<string, string>>, gpuKind: string): ResourceOptions {
  const cpuReservation = amountOf(env, 'KERNEL_CPUS', readCores);
  const cpuLimit = amountOf(env, 'KERNEL_CPUS_LIMIT', readCores);
  const memReservation = amountOf(env, 'KERNEL_MEMORY', readMemory);
  const memLimit = amountOf(env, 'KERNEL_MEMORY_LIMIT', readMemory);
  const gpusSetAside = amountOf(env, 'KERNEL_GPUS', readCount);
  const gpus = amountOf(env, 'KERNEL_GPUS_LIMIT', readCount) ?? gpusSetAside;
  return {
    ...(cpuReservation === undefined ? {} : { cpu_reservation: cpuReservation }),
    ...(cpuLimit === undefined ? {} : { cpu_limit: cpuLimit }),
    ...(memReservation === undefined ? {} : { mem_reservation: memReservation }),
    ...(memLimit === undefined ? {} : { mem_limit: memLimit }),
    ...(gpus === undefined || gpus === 0 ? {} : { generic_resources: { [gpuKind]: gpus } }),
  };
}

function amountOf(
  env: Readonly<Record<string, string>>,
  name: string,
  read: (text: string) => number | undefined,
): number | undefined {
  const given = (env[name] ?? '').trim();
  if (given === '') return undefined;
  const amount = read(given);
  if (amount !== undefined) return amount;
  const message = `${name} is not an amount such as 1.5 or 500m (cores), 512Mi or 2G (memory), 1 (GPUs)`;
  throw new ProvisionerError('INVALID_ENV', message);
}

function refused(message: string): ProvisionerError {
  return new ProvisionerError('FORBIDDEN', `${USER_OPTIONS_VARIABLE}: ${message}`);
}
