import {
  ConfigError,
  booleanSetting,
  defineSettings,
  parsePortRange,
  errorMessage,
  resolveSettings,
} from '@gateway-provisioners/core';
import { z } from 'zod';

const text = z.string().trim().min(1);
const hostList = z
  .union([z.string(), z.array(z.string())])
  .transform((value) => (typeof value === 'string' ? value.split(',') : value).map((host) => host.trim()))
  .transform((hosts) => hosts.filter((host) => host !== ''))
  .pipe(
    z
      .array(
        z
          .string()
          .max(255)
          .regex(/^[^\s,]+$/),
      )
      .min(1, 'name at least one host'),
  );
const count = (min: number, max: number): z.ZodType<number> =>
  z
    .union([z.number(), z.string().regex(/^\d+$/, 'expected a whole number').transform(Number)])
    .pipe(z.int().min(min).max(max));
const flag = z.unknown().transform((value, context) => {
  const read = booleanSetting()['~standard'].validate(value);
  if (!(read instanceof Promise) && read.issues === undefined) return read.value;
  context.addIssue({ code: 'custom', message: 'expected true or false' });
  return z.NEVER;
});
const portRange = z.string().superRefine((value, context) => {
  try {
    parsePortRange(value, { minSize: 0 });
  } catch (error) {
    context.addIssue({ code: 'custom', message: errorMessage(error) });
  }
});
const folder = text.regex(/^(\/|~\/)/, 'use an absolute path, or one that begins with ~/');

/**
 * Settings of `distributed-provisioner`. Each stands in a kernelspec's `config` or in the gateway's, or in the gateway's
 * environment under the names given; the first of these counts.
 */
export const distributedSettings = defineSettings({
  remote_hosts: {
    schema: hostList.optional(),
    env: ['GP_REMOTE_HOSTS', 'EG_REMOTE_HOSTS'],
    description:
      'Hosts that kernels may run on: a list, or one text with commas. Each is `host`, `user@host`, `host:port` or an ' +
      'alias of the SSH client configuration. `localhost` is this machine, without SSH. Default: `localhost`.',
  },
  load_balancing_algorithm: {
    schema: z.enum(['round-robin', 'least-connection', 'least-load']).optional(),
    env: ['GP_LOAD_BALANCING_ALGORITHM', 'EG_LOAD_BALANCING_ALGORITHM'],
    description:
      '`round-robin` (default), `least-connection` (fewest kernels of this gateway), or `least-load` (lowest load for ' +
      'each processor, which the hosts are asked for).',
  },
  max_kernels_per_host: {
    schema: count(1, 1_000_000).optional(),
    env: ['GP_MAX_KERNELS_PER_HOST'],
    description: 'Kernels of this gateway that one host may run. Default: no limit.',
  },
  drained_hosts: {
    schema: hostList.optional(),
    env: ['GP_DRAINED_HOSTS'],
    description:
      'Hosts of `remote_hosts` that get no new kernels, as they stand there or by their names or addresses; those that run ' +
      'there go on.',
  },
  remote_user: {
    schema: text.optional(),
    env: ['GP_REMOTE_USER', 'EG_REMOTE_USER'],
    description: 'User to log in as. Default: what the SSH client configuration says, else the user of the gateway.',
  },
  remote_password: {
    schema: z.string().min(1).optional(),
    env: ['GP_REMOTE_PWD', 'EG_REMOTE_PWD'],
    secret: true,
    description: 'Password of that user, tried after keys. Never sent to jump hosts.',
  },
  remote_gss: {
    schema: flag.optional(),
    env: ['GP_REMOTE_GSS_SSH', 'EG_REMOTE_GSS_SSH'],
    description: 'GSS-API (Kerberos) is not supported: true is refused with an error.',
  },
  ssh_port: {
    schema: count(1, 65_535).optional(),
    env: ['GP_SSH_PORT', 'EG_SSH_PORT'],
    description: 'Port of the SSH servers. Default: what the SSH client configuration says, else 22.',
  },
  ssh_key_path: {
    schema: folder.optional(),
    env: ['GP_SSH_KEY_PATH'],
    description:
      'Private key file. Default: the `IdentityFile`s of the SSH client configuration, else `~/.ssh/id_ed25519`, ' +
      '`id_ecdsa` and `id_rsa`. A jump host is offered it first, then its own `IdentityFile`s.',
  },
  ssh_key_passphrase: {
    schema: z.string().min(1).optional(),
    env: ['GP_SSH_KEY_PASSPHRASE'],
    secret: true,
    description: 'Passphrase of encrypted key files.',
  },
  ssh_agent: {
    schema: z.union([folder, z.literal('none')]).optional(),
    env: ['GP_SSH_AGENT'],
    description:
      'Socket of an SSH agent, also where `IdentitiesOnly` is set; `none` for none. Default: `IdentityAgent` of the SSH ' +
      'client configuration, else `SSH_AUTH_SOCK` of the gateway.',
  },
  ssh_known_hosts: {
    schema: folder.optional(),
    env: ['GP_SSH_KNOWN_HOSTS'],
    description:
      'File of known host keys. Default: `UserKnownHostsFile` of the SSH client configuration, else ' +
      '`~/.ssh/known_hosts`; and `/etc/ssh/ssh_known_hosts`.',
  },
  ssh_config: {
    schema: z.union([folder, z.literal('none')]).optional(),
    env: ['GP_SSH_CONFIG'],
    description: 'OpenSSH client configuration. Default: `~/.ssh/config`, if it is there; `none` for none.',
  },
  host_key_checking: {
    schema: z.enum(['strict', 'accept-new']).optional(),
    env: ['GP_SSH_HOST_KEY_CHECKING'],
    description:
      '`strict` (default): hosts whose key is not known are refused. `accept-new`: the key of a host seen for the ' +
      'first time is taken and written to the file; a changed one is still refused.',
  },
  connect_timeout_ms: {
    schema: count(100, 600_000).optional(),
    env: ['GP_SSH_CONNECT_TIMEOUT_MS'],
    description: 'For connecting and logging in to one host, in milliseconds. Default 10,000.',
  },
  keepalive_interval_ms: {
    schema: count(0, 3_600_000).optional(),
    env: ['GP_SSH_KEEPALIVE_INTERVAL_MS'],
    description: 'How often an idle connection is probed, in milliseconds; 0: never. Default 15,000.',
  },
  keepalive_count_max: {
    schema: count(1, 1000).optional(),
    env: ['GP_SSH_KEEPALIVE_COUNT_MAX'],
    description: 'Probes without an answer after which a connection is given up. Default 4.',
  },
  unreachable_grace_ms: {
    schema: count(0, 2_000_000_000).optional(),
    env: ['GP_UNREACHABLE_GRACE_MS'],
    description:
      'How long kernels of a host that gives no sign of life are `unreachable` before they are taken for lost, in ' +
      'milliseconds; 0: for ever. Default 3,600,000: one hour, after which a launcher that hears nothing from the gateway ' +
      'ends its kernel.',
  },
  tunneling: {
    schema: flag.optional(),
    env: ['GP_ENABLE_TUNNELING', 'EG_ENABLE_TUNNELING'],
    description:
      'Reach kernels, and let them call home, through the SSH connection: the host needs no other open port than that ' +
      'of its SSH server. Always on for hosts behind a jump host. Default false.',
  },
  impersonation_enabled: {
    schema: flag.optional(),
    env: ['GP_IMPERSONATION_ENABLED', 'EG_IMPERSONATION_ENABLED'],
    description:
      'Run each kernel as the user of the host that `KERNEL_USERNAME` names, through `sudo -n -H -u`. The account that is ' +
      'logged in needs a line in the sudoers of the hosts. Default false.',
  },
  port_range: {
    schema: portRange.optional(),
    env: ['GP_PORT_RANGE', 'EG_PORT_RANGE'],
    description: '`low..high` for the ports of kernels on their hosts. Default `0..0`: any free port.',
  },
  launcher_protocol: {
    schema: z
      .union([z.literal('auto'), z.enum(['1', '2']).transform((v) => (v === '1' ? 1 : 2)), z.literal([1, 2])])
      .optional(),
    env: ['GP_LAUNCHER_PROTOCOL'],
    description: 'Versions of the launcher protocol that are accepted: `auto` (default), 1 or 2.',
  },
  remote_dir: {
    schema: folder.optional(),
    env: ['GP_REMOTE_DIR'],
    description:
      'Folder on the hosts for staged launchers and what belongs to running kernels. Default `~/.gateway-provisioners`.',
  },
  kernel_log_dir: {
    schema: folder.optional(),
    env: ['GP_KERNEL_LOG_DIR', 'EG_KERNEL_LOG_DIR'],
    description:
      'Folder on the hosts where logs of kernels are kept, as `kernel-<id>.log`. Default: within `remote_dir`, removed ' +
      'with the kernel.',
  },
  staging: {
    schema: z.enum(['auto', 'always', 'never']).optional(),
    env: ['GP_STAGING'],
    description:
      'Whether launchers are copied to the hosts: `auto` (default), where the path that the kernelspec names does not ' +
      'exist there; `always`; `never`.',
  },
});

type Schemas = { readonly [Key in keyof typeof distributedSettings]: (typeof distributedSettings)[Key]['schema'] };

/** Settings as a kernelspec or the gateway's configuration gives them; names of others are ignored. */
export const distributedConfigSchema = z.object(
  Object.fromEntries(Object.entries(distributedSettings).map(([key, { schema }]) => [key, schema])) as Schemas,
);

export type DistributedConfig = z.infer<typeof distributedConfigSchema>;

/** What an environment sets. Errors: `INVALID_CONFIG` with every problem. */
export function configFromEnv(env: Readonly<Record<string, string | undefined>>): DistributedConfig {
  return resolveSettings(distributedSettings, { env }).values;
}

/** `config` over what the environment sets. Errors: `INVALID_CONFIG`. */
export function effectiveConfig(
  config: DistributedConfig,
  env: Readonly<Record<string, string | undefined>>,
): DistributedConfig {
  const given = Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
  const effective: DistributedConfig = { ...configFromEnv(env), ...given };
  if (effective.remote_gss === true) {
    throw new ConfigError('settings of distributed-provisioner', [
      {
        key: 'remote_gss',
        message: 'GSS-API (Kerberos) is not supported by the SSH library: use keys, an agent or a password',
      },
    ]);
  }
  return effective;
}
