import { defineSettings, resolveSettings } from '@gateway-provisioners/core';
import { z } from 'zod';
import {
  byteSize,
  cores,
  device,
  flag,
  gpus,
  mount,
  portRange,
  text,
  textList,
  ulimit,
  volume,
  wholeNumber,
} from './value-schemas.ts';

const ids = textList.pipe(z.array(z.string().regex(/^\d+$/, 'expected numbers')));
const capabilities = textList.pipe(z.array(z.string().regex(/^[A-Z_]+$/, 'expected names such as NET_RAW, or ALL')));

/**
 * Settings of `docker-provisioner`. Each stands in a kernelspec's `config` or in the gateway's, or in the gateway's
 * environment under the names given; the first of these counts.
 */
export const dockerSettings = defineSettings({
  image_name: {
    schema: text.optional(),
    env: ['GP_IMAGE_NAME', 'EG_KERNEL_IMAGE'],
    description: 'Image that kernels run in. Required, here or in the environment.',
    group: 'Image',
  },
  executor_image_name: {
    schema: text.optional(),
    env: ['GP_EXECUTOR_IMAGE_NAME', 'EG_KERNEL_EXECUTOR_IMAGE'],
    description: 'Given to the kernel as `KERNEL_EXECUTOR_IMAGE`. Default: the image of the kernel.',
    group: 'Image',
  },
  allowed_images: {
    schema: textList.optional(),
    env: ['GP_ALLOWED_IMAGES'],
    description:
      'Images that a request may choose with `KERNEL_IMAGE`; `*` stands for any text. Default: none, and what a request ' +
      'names is passed over.',
    group: 'Image',
  },
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
  port_range: {
    schema: portRange.optional(),
    env: ['GP_PORT_RANGE', 'EG_PORT_RANGE'],
    description: '`low..high` for the ports of kernels in their containers. Default `0..0`: any free port.',
    group: 'Network',
  },
  launcher_protocol: {
    schema: z
      .union([z.literal('auto'), z.enum(['1', '2']).transform((v) => (v === '1' ? 1 : 2)), z.literal([1, 2])])
      .optional(),
    env: ['GP_LAUNCHER_PROTOCOL'],
    description: 'Versions of the launcher protocol that are accepted: `auto` (default), 1 or 2.',
    group: 'Network',
  },
  authorized_users: {
    schema: textList.optional(),
    env: ['GP_AUTHORIZED_USERS', 'EG_AUTHORIZED_USERS'],
    description: 'When it is not empty, only these users may start kernels. Case counts.',
    group: 'Access',
  },
  unauthorized_users: {
    schema: textList.optional(),
    env: ['GP_UNAUTHORIZED_USERS', 'EG_UNAUTHORIZED_USERS'],
    description: 'These users may not, whatever `authorized_users` says. Default `root`.',
    group: 'Access',
  },
  prohibited_uids: {
    schema: ids.optional(),
    env: ['GP_PROHIBITED_UIDS', 'EG_PROHIBITED_UIDS'],
    description: 'User ids that `KERNEL_UID` may not be. Default `0`.',
    group: 'Access',
  },
  prohibited_gids: {
    schema: ids.optional(),
    env: ['GP_PROHIBITED_GIDS', 'EG_PROHIBITED_GIDS'],
    description: 'Group ids that `KERNEL_GID` may not be. Default `0`.',
    group: 'Access',
  },
  mirror_working_dirs: {
    schema: flag.optional(),
    env: ['GP_MIRROR_WORKING_DIRS', 'EG_MIRROR_WORKING_DIRS'],
    description:
      'Whether the working folder of the container is that of the request (`KERNEL_WORKING_DIR`, else the path of the ' +
      'notebook). Volumes must give it that folder. Default false: the folder of the image.',
    group: 'Files',
  },
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
