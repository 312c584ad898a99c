import { defineSettings, resolveSettings } from '@gateway-provisioners/core';
import { z } from 'zod';
import {
  byteSize,
  cores,
  device,
  flag,
  gpus,
  kernelSettings,
  mount,
  text,
  textList,
  ulimit,
  volume,
  wholeNumber,
} from '@gateway-provisioners/docker-engine/kernels';

const capabilities = textList.pipe(z.array(z.string().regex(/^[A-Z_]+$/, 'expected names such as NET_RAW, or ALL')));

/**
 * Settings of `docker-provisioner`. Each stands in a kernelspec's `config` or in the gateway's, or in the gateway's
 * environment under the names given; the first of these counts.
 */
export const dockerSettings = defineSettings({
  image_name: kernelSettings.image_name,
  executor_image_name: kernelSettings.executor_image_name,
  allowed_images: kernelSettings.allowed_images,
  image_pull_policy: {
    schema: z.enum(['missing', 'always', 'never']).optional(),
    env: ['GP_IMAGE_PULL_POLICY'],
    description: '`missing` (default): pulled when the engine does not have it; `always`; `never`.',
    group: 'Image',
  },
  docker_network: {
    schema: text.optional(),
    env: ['GP_DOCKER_NETWORK', 'EG_DOCKER_NETWORK'],
    description: 'Network of the containers; the gateway must reach it. Default `bridge`.',
    group: 'Network',
  },
  extra_hosts: {
    schema: textList.optional(),
    env: ['GP_DOCKER_EXTRA_HOSTS'],
    description: 'Lines of `/etc/hosts` as `name:address`; the address may be `host-gateway`.',
    group: 'Network',
  },
  dns: { schema: textList.optional(), env: ['GP_DOCKER_DNS'], description: 'DNS servers.', group: 'Network' },
  publish_ports: {
    schema: flag.optional(),
    env: ['GP_DOCKER_PUBLISH_PORTS'],
    description:
      'Whether kernels are reached at ports of the engine’s machine, which the engine chooses, rather than at the ' +
      'addresses of their containers: for an engine whose containers cannot be reached from the gateway (Docker Desktop, ' +
      'an engine on another machine). `port_range` is passed over then. Default false.',
    group: 'Network',
  },
  publish_address: {
    schema: z.union([z.ipv4(), z.ipv6()]).optional(),
    env: ['GP_DOCKER_PUBLISH_ADDRESS'],
    description:
      'Address of the engine’s machine at which these ports are bound. Default: 127.0.0.1 for an engine of this ' +
      'machine, else the address in `DOCKER_HOST`.',
    group: 'Network',
  },
  port_range: kernelSettings.port_range,
  launcher_protocol: kernelSettings.launcher_protocol,
  authorized_users: kernelSettings.authorized_users,
  unauthorized_users: kernelSettings.unauthorized_users,
  prohibited_uids: kernelSettings.prohibited_uids,
  prohibited_gids: kernelSettings.prohibited_gids,
  mirror_working_dirs: kernelSettings.mirror_working_dirs,
  volumes: {
    schema: z.array(volume).optional(),
    description:
      'As `docker run --volume` has them: `/path:/target`, `name:/target`, with `:ro` to forbid writing. `{username}` ' +
      'and `{kernel_id}` are replaced.',
    group: 'Files',
  },
  mounts: {
    schema: z.array(mount).optional(),
    description:
      'Mounts as objects: `type` (`bind`, `volume`, `tmpfs`), `source`, `target`, `read_only`, `propagation`, `driver`, ' +
      '`driver_options`, `no_copy`, `size`, `mode`. `{username}` and `{kernel_id}` are replaced in `source`.',
    group: 'Files',
  },
  read_only_root: {
    schema: flag.optional(),
    env: ['GP_DOCKER_READ_ONLY_ROOT'],
    description:
      'Whether the root of the container is read-only. Give the kernel writable places (`tmpfs` at `/tmp` and at its ' +
      'home) by `mounts`. Default false.',
    group: 'Files',
  },
  cpus: { schema: cores.optional(), env: ['GP_DOCKER_CPUS'], description: 'Cores, such as 1.5.', group: 'Limits' },
  cpu_shares: {
    schema: wholeNumber(2, 262_144).optional(),
    description: 'Weight against other containers.',
    group: 'Limits',
  },
  cpuset_cpus: { schema: text.optional(), description: 'Cores to run on: `0-2,7`.', group: 'Limits' },
  memory: {
    schema: byteSize.optional(),
    env: ['GP_DOCKER_MEMORY'],
    description: 'Memory limit: bytes, `512m`, `2g`.',
    group: 'Limits',
  },
  memory_reservation: { schema: byteSize.optional(), description: 'Soft memory limit.', group: 'Limits' },
  memory_swap: {
    schema: byteSize.optional(),
    description: 'Memory and swap together. Default: the same as `memory`, so that no swap is used.',
    group: 'Limits',
  },
  shm_size: {
    schema: byteSize.optional(),
    description: 'Size of `/dev/shm`. Default: 64m, the engine’s.',
    group: 'Limits',
  },
  pids_limit: {
    schema: wholeNumber(1, 4_194_304).optional(),
    env: ['GP_DOCKER_PIDS_LIMIT'],
    description: 'Processes and threads at once. Default 4096.',
    group: 'Limits',
  },
  ulimits: { schema: z.array(ulimit).optional(), description: '`nofile=1024:2048` and so on.', group: 'Limits' },
  gpus: { schema: gpus.optional(), description: '`all`, a count, or device ids with commas.', group: 'Limits' },
  max_cpus: kernelSettings.max_cpus,
  max_memory: kernelSettings.max_memory,
  max_gpus: kernelSettings.max_gpus,
  devices: { schema: z.array(device).optional(), description: '`/dev/host[:/dev/container[:rwm]]`.', group: 'Limits' },
  cap_drop: {
    schema: capabilities.optional(),
    description: 'Linux capabilities that are taken away. Default `ALL`.',
    group: 'Security',
  },
  cap_add: {
    schema: capabilities.optional(),
    description: 'Linux capabilities that are given back.',
    group: 'Security',
  },
  allow_new_privileges: {
    schema: flag.optional(),
    description: 'Whether programs such as `sudo` may raise privileges. Default false.',
    group: 'Security',
  },
  security_opt: {
    schema: z.array(text).optional(),
    description: 'More options as `docker run --security-opt` has them: `seccomp=…`, `apparmor=…`, `label=…`.',
    group: 'Security',
  },
  runtime: { schema: text.optional(), description: 'OCI runtime, such as `runsc` or `nvidia`.', group: 'Security' },
  init: {
    schema: flag.optional(),
    description: 'Whether a small init is process 1, which reaps processes and passes signals on. Default true.',
    group: 'Container',
  },
  log_driver: {
    schema: text.optional(),
    description:
      'Log driver. With one that cannot be read from, the reason of a failure has no log. Default: the engine’s.',
    group: 'Container',
  },
  log_options: { schema: z.record(z.string(), z.string()).optional(), description: 'Its options.', group: 'Container' },
  labels: {
    schema: z.record(z.string(), z.string()).optional(),
    description: 'More labels of the containers.',
    group: 'Container',
  },
});

type Schemas = { readonly [Key in keyof typeof dockerSettings]: (typeof dockerSettings)[Key]['schema'] };

/** Settings as a kernelspec or the gateway's configuration gives them; names of others are ignored. */
export const dockerConfigSchema = z.object(
  Object.fromEntries(Object.entries(dockerSettings).map(([key, { schema }]) => [key, schema])) as Schemas,
);

export type DockerConfig = z.infer<typeof dockerConfigSchema>;

/** `config` over what the environment sets. Errors: `INVALID_CONFIG` with every problem. */
export function effectiveConfig(config: DockerConfig, env: Readonly<Record<string, string | undefined>>): DockerConfig {
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
  return { ...resolveSettings(dockerSettings, { env }).values, ...given };
}
