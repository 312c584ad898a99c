import { ProvisionerError } from '@gateway-provisioners/core';
import type { LaunchContext, LauncherParameters, ResourceOwner } from '@gateway-provisioners/core';
import type { ContainerMount, ContainerSpec } from '@gateway-provisioners/docker-engine';
import {
  containerEnv,
  containerUser,
  kernelCommand,
  kernelLabels,
  workingFolder,
} from '@gateway-provisioners/docker-engine/kernels';
import type { ContainerUser } from '@gateway-provisioners/docker-engine/kernels';
import type { DockerConfig } from '../settings/docker-settings.ts';
import { containerResources } from './container-resources.ts';
import { SMALL_RANGE_ENV, publishedPorts } from './published-ports.ts';
import type { Publication } from './published-ports.ts';

export interface ContainerRequestOptions {
  readonly context: LaunchContext;
  readonly config: DockerConfig;
  readonly parameters: LauncherParameters;
  readonly image: string;
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
  readonly publication?: Publication | undefined;
}

export interface ContainerRequest {
  readonly spec: ContainerSpec;
  readonly user: ContainerUser;
}

/** The container of one kernel, from settings and request; what a request says is data. */
export function containerRequest(options: ContainerRequestOptions): ContainerRequest {
  const { context, config, parameters, image, hostEnv, publication } = options;
  const user = containerUser(context.env, config);
  const network = config.docker_network ?? 'bridge';
  const { command, scriptOptions } = kernelCommand({ context, parameters });
  const name = containerName(context);
  const workingDir = config.mirror_working_dirs === true ? workingFolder(context) : undefined;
  const securityOptions = [
    ...(config.allow_new_privileges === true ? [] : ['no-new-privileges']),
    ...(config.security_opt ?? []),
  ];
  const more = publication === undefined ? {} : SMALL_RANGE_ENV;
  const spec: ContainerSpec = {
    name,
    image,
    env: containerEnv({ ...options, network, user, hostEnv, scriptOptions, mode: 'docker', more }),
    labels: kernelLabels(context, config.labels),
    user: `${String(user.uid)}:${String(user.gid)}`,
    // Images of kernels give what they have to the group `users`.
    supplementaryGroups: ['100'],
    network,
    mounts: [...(config.volumes ?? []), ...(config.mounts ?? []).map(toMount)].map((mount) => filled(mount, context)),
    resources: containerResources(context, config),
    init: config.init ?? true,
    capDrop: config.cap_drop ?? ['ALL'],
    securityOptions,
    ...(network === 'host' ? {} : { hostname: name.slice(0, 63).replace(/[^A-Za-z0-9]+$/, '') }),
    ...(publication === undefined ? {} : { publishedPorts: publishedPorts(publication) }),
    ...(command === undefined ? {} : { command }),
    ...(workingDir === undefined ? {} : { workingDir }),
    ...(config.cap_add === undefined ? {} : { capAdd: config.cap_add }),
    ...(config.read_only_root === undefined ? {} : { readOnlyRoot: config.read_only_root }),
    ...(config.extra_hosts === undefined ? {} : { extraHosts: config.extra_hosts }),
    ...(config.dns === undefined ? {} : { dns: config.dns }),
    ...(config.devices === undefined ? {} : { devices: config.devices }),
    ...(config.runtime === undefined ? {} : { runtime: config.runtime }),
    ...(config.log_driver === undefined ? {} : { logDriver: config.log_driver, logOptions: config.log_options ?? {} }),
  };
  return { spec, user };
}

/**
 * `<user>-<kernel id>`, as Gateway Provisioners names it, and from the second start of a kernel on `-<incarnation>`: the
 * container before it may not be gone yet.
 */
export function containerName({ owner, kernelId, incarnation }: ResourceOwner & { readonly owner: string }): string {
  const user = owner
    .replace(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 80);
  const suffix = incarnation === 1 ? '' : `-${String(incarnation)}`;
  return `${user === '' ? 'kernel' : user}-${kernelId}${suffix}`;
}

function toMount(mount: NonNullable<DockerConfig['mounts']>[number]): ContainerMount {
  const { type, target } = mount;
  if (type === 'tmpfs') {
    return {
      type,
      target,
      ...(mount.size === undefined ? {} : { sizeBytes: mount.size }),
      ...(mount.mode === undefined ? {} : { mode: mount.mode }),
    };
  }
  const readOnly = mount.read_only === undefined ? {} : { readOnly: mount.read_only };
  if (type === 'bind') {
    const propagation = mount.propagation === undefined ? {} : { propagation: mount.propagation };
    return { type, source: mount.source, target, ...readOnly, ...propagation };
  }
  return {
    type,
    target,
    ...readOnly,
    ...(mount.source === undefined ? {} : { source: mount.source }),
    ...(mount.driver === undefined ? {} : { driver: mount.driver, driverOptions: mount.driver_options ?? {} }),
    ...(mount.no_copy === undefined ? {} : { noCopy: mount.no_copy }),
  };
}

/** `{username}` and `{kernel_id}` in sources. Errors: `FORBIDDEN` for a user whose name would be another path. */
function filled(mount: ContainerMount, { owner, kernelId }: LaunchContext): ContainerMount {
  if (mount.type === 'tmpfs' || mount.source === undefined) return mount;
  if (mount.source.includes('{username}') && !/^[A-Za-z0-9_@][\w.@-]*$/.test(owner)) {
    throw new ProvisionerError('FORBIDDEN', 'a volume is named after the user, whose name cannot be part of a path', {
      coordinates: { user: owner },
    });
  }
  const source = mount.source.replaceAll('{username}', owner).replaceAll('{kernel_id}', kernelId);
  return { ...mount, source };
}
