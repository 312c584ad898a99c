import { defineSettings, resolveSettings } from '@gateway-provisioners/core';
import { flag, kernelSettings, text, textList, ulimit, wholeNumber } from '@gateway-provisioners/docker-engine/kernels';
import { z } from 'zod';
import {
  containerSpec,
  endpointMode,
  imageEntry,
  logDriver,
  mount,
  placement,
  resourceSpec,
} from './service-options.ts';
import { userOptionsPolicy } from './user-options.ts';

const json = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((value) => {
    if (typeof value !== 'string') return value;
    try {
      return JSON.parse(value) as unknown;
    } catch {
      return value; // the schema says what it wants
    }
  }, schema);

/**
 * Settings of `docker-swarm-provisioner`. Each stands in a kernelspec's `config` or in the gateway's, or in the gateway's
 * environment under the names given; the first of these counts.
 */
export const swarmSettings = defineSettings({
  image_name: kernelSettings.image_name,
  images: {
    schema: json(z.array(imageEntry).min(1)).optional(),
    env: ['GP_SWARM_IMAGES'],
    description:
      'Images that users may have, as a list of objects (JSON in the environment): `image`, `name`, `access` (names of ' +
      'users, or the path of a file with one on each line), and `args`, `command`, `env`, `mounts`, `user`, `uid_gid`, ' +
      '`workdir`, `configs`, `secrets`, `placement`, `resource_spec`, `networks`, `endpoint_spec`, `log_driver`, which count ' +
      'before the settings of the same names; `env` is added to. The first is the default. Instead of `image_name`. ' +
      '`dockerimages` is another name of it.',
    group: 'Image',
  },
  dockerimages: { schema: json(z.array(imageEntry).min(1)).optional(), description: 'See `images`.', group: 'Image' },
  executor_image_name: kernelSettings.executor_image_name,
  allowed_images: kernelSettings.allowed_images,
  networks: {
    schema: textList.optional(),
    env: ['GP_SWARM_NETWORKS'],
    description:
      'Networks of the services, of scope swarm (overlay), or `host`. The gateway must be on the first of them. Required, ' +
      'here or as `docker_network`.',
    group: 'Network',
  },
  docker_network: {
    schema: text.optional(),
    env: ['GP_DOCKER_NETWORK', 'EG_DOCKER_NETWORK'],
    description: 'One network; counts where `networks` is not set.',
    group: 'Network',
  },
  endpoint_mode: {
    schema: endpointMode.optional(),
    env: ['GP_SWARM_ENDPOINT_MODE'],
    description: '`dnsrr` (default): the name of a service resolves to its task; `vip`: to a virtual address.',
    group: 'Network',
  },
  discovery: {
    schema: z.enum(['address', 'name']).optional(),
    env: ['GP_SWARM_DISCOVERY'],
    description:
      'How the gateway reaches a kernel: by the `address` of its task (default), or by the `name` of its service, which ' +
      'resolves only in containers on the same network.',
    group: 'Network',
  },
  port_range: kernelSettings.port_range,
  launcher_protocol: kernelSettings.launcher_protocol,
  authorized_users: kernelSettings.authorized_users,
  unauthorized_users: kernelSettings.unauthorized_users,
  prohibited_uids: kernelSettings.prohibited_uids,
  prohibited_gids: kernelSettings.prohibited_gids,
  use_user_options: {
    schema: flag.optional(),
    env: ['GP_SWARM_USE_USER_OPTIONS'],
    description:
      'Whether requests may choose: an entry of `images` by `KERNEL_IMAGE`, resources by `KERNEL_CPUS`, `KERNEL_MEMORY` and ' +
      'their like, and what `user_options_policy` allows by `KERNEL_USER_OPTIONS`. Default false: what they say of that is ' +
      'passed over.',
    group: 'Access',
  },
  user_options_policy: {
    schema: json(userOptionsPolicy).optional(),
    env: ['GP_SWARM_USER_OPTIONS_POLICY'],
    description:
      'What requests may choose then: `keys` (default `image`, `args`, `env`, `workdir`, `mounts`, `resource_spec`; also ' +
      '`placement`, `networks`, `name`, `log_driver`), `mount_types` (default `volume`, `tmpfs`), `volume_names` (default ' +
      '`{name}-*`), `bind_sources` and `networks` (default none), `max_resource_spec` (default: what `resource_spec` says; ' +
      'a reservation without a bound has that of its limit). `*` stands for any text.',
    group: 'Access',
  },
  user_data: {
    schema: json(z.record(z.string(), z.record(z.string(), z.string()))).optional(),
    description: 'For each user values of placeholders: `{"alice": {"sshcmd": "alice@files:/home"}}`.',
    group: 'Access',
  },
  user_data_file: {
    schema: z.string().regex(/^\//, 'use an absolute path').optional(),
    env: ['GP_SWARM_USER_DATA_FILE'],
    description: 'The same in a JSON file, which is read at each launch: keys and passwords belong there.',
    group: 'Access',
  },
  mirror_working_dirs: kernelSettings.mirror_working_dirs,
  container_spec: {
    schema: json(containerSpec).optional(),
    env: ['GP_SWARM_CONTAINER_SPEC'],
    description:
      'The container: `args` (instead of the image’s command), `command` (instead of its entrypoint), `env`, `mounts`, ' +
      '`user`, `uid_gid`, `workdir`, `configs`, `secrets`, `hostname`, `labels`, `groups`, `hosts`, `dns`, `init` (default ' +
      'true), `read_only`, `cap_add`, `cap_drop` (default `ALL`), `stop_grace_seconds` (default 2).',
    group: 'Service',
  },
  mounts: {
    schema: json(z.array(mount)).optional(),
    description:
      'Mounts where `container_spec` has none: `type` (`bind`, `volume`, `tmpfs`), `source`, `target`, `read_only`, ' +
      '`propagation`, `no_copy`, `labels`, `driver_config` (`name`, `options`), `tmpfs_size`, `tmpfs_mode`.',
    group: 'Service',
  },
  placement: {
    schema: json(placement).optional(),
    env: ['GP_SWARM_PLACEMENT'],
    description:
      '`constraints` such as `node.hostname==worker1`, `preferences` such as `spread=node.labels.datacenter`.',
    group: 'Service',
  },
  resource_spec: {
    schema: json(resourceSpec).optional(),
    env: ['GP_SWARM_RESOURCE_SPEC'],
    description:
      '`cpu_limit`, `cpu_reservation` (billionths of cores, or cores such as 1.5), `mem_limit`, `mem_reservation` (bytes, ' +
      '`512m`, `2g`), `generic_resources` (`{"gpu": 1}`).',
    group: 'Service',
  },
  gpu_resource: {
    schema: text.optional(),
    env: ['GP_SWARM_GPU_RESOURCE'],
    description: 'Kind of generic resource that `KERNEL_GPUS` asks for. Default `gpu`.',
    group: 'Service',
  },
  pids_limit: {
    schema: wholeNumber(1, 4_194_304).optional(),
    env: ['GP_DOCKER_PIDS_LIMIT'],
    description: 'Processes and threads at once. Default 4096.',
    group: 'Service',
  },
  ulimits: {
    schema: json(z.array(ulimit)).optional(),
    env: ['GP_SWARM_ULIMITS'],
    description: '`nofile=1024:2048` and so on. From Engine API 1.41 on.',
    group: 'Service',
  },
  log_driver: {
    schema: json(logDriver).optional(),
    env: ['GP_SWARM_LOG_DRIVER'],
    description:
      'Log driver: its name, or `name` and `options`. With one that cannot be read from, the reason of a failure has no log.',
    group: 'Service',
  },
  service_prefix: {
    schema: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,11}$/, 'use at most 12 letters, digits and dashes')
      .optional(),
    env: ['GP_SWARM_SERVICE_PREFIX'],
    description: 'Services are called `{service_prefix}-{digest of the user}-{kernel id}`. Default `jupyter`.',
    group: 'Service',
  },
  labels: {
    schema: json(z.record(z.string(), z.string())).optional(),
    description: 'More labels of services and containers.',
    group: 'Service',
  },
  lost_after_seconds: {
    schema: z.coerce.number().min(0).max(86_400).optional(),
    env: ['GP_SWARM_LOST_AFTER_SECONDS'],
    description:
      'When the node of a kernel is down, the kernel counts as unreachable, and as gone after this time. Default 60.',
    group: 'Service',
  },
});

type Schemas = { readonly [Key in keyof typeof swarmSettings]: (typeof swarmSettings)[Key]['schema'] };

/** Settings as a kernelspec or the gateway's configuration gives them; names of others are ignored. */
export const swarmConfigSchema = z.object(
  Object.fromEntries(Object.entries(swarmSettings).map(([key, { schema }]) => [key, schema])) as Schemas,
);

export type SwarmConfig = z.infer<typeof swarmConfigSchema>;

/** `config` over what the environment sets. Errors: `INVALID_CONFIG` with every problem. */
export function effectiveConfig(config: SwarmConfig, env: Readonly<Record<string, string | undefined>>): SwarmConfig {
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
  return { ...resolveSettings(swarmSettings, { env }).values, ...given };
}
