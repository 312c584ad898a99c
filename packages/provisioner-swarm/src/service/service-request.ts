import { ProvisionerError } from '@gateway-provisioners/core';
import type { LaunchContext, LauncherParameters } from '@gateway-provisioners/core';
import { launcherPlaceholders } from '@gateway-provisioners/core/remote';
import type { ServiceFile, ServiceResources, ServiceSpec } from '@gateway-provisioners/docker-engine';
import {
  containerEnv,
  containerUser,
  kernelCommand,
  kernelLabels,
  workingFolder,
} from '@gateway-provisioners/docker-engine/kernels';
import type { ContainerSpecOptions, ImageEntry, ServiceFileOptions } from '../settings/service-options.ts';
import type { SwarmConfig } from '../settings/swarm-settings.ts';
import type { UserOptions } from '../settings/user-options.ts';
import { named, serviceMount } from './service-mounts.ts';
import { secretName, serviceName } from './service-name.ts';
import { asSwarmPart, asSwarmText, fill } from './templates.ts';
import type { PlaceholderValues } from './templates.ts';
import { assertResources } from './user-choice.ts';

const DEFAULT_PIDS_LIMIT = 4096;
const DEFAULT_GRACE_SECONDS = 2;
/** Where the launcher finds its secret. */
const SECRET_PATH = '/run/secrets/gateway-provisioners-launcher-v2';

export interface ServiceRequestOptions {
  readonly context: LaunchContext;
  readonly config: SwarmConfig;
  readonly parameters: LauncherParameters;
  readonly entry: ImageEntry;
  readonly user: UserOptions;
  readonly values: PlaceholderValues;
  readonly hostEnv: Readonly<Record<string, string | undefined>>;
}

export interface ServiceRequest {
  readonly spec: ServiceSpec;
  /** The secret to create before the service, when the launcher has one. */
  readonly secret: { readonly name: string; readonly content: string } | undefined;
  /** The network on which the gateway meets the kernel. */
  readonly network: string;
  /** Names of volumes that are removed with the service. */
  readonly volumes: readonly string[];
}

/**
 * The service of one kernel: what the user chose counts before the image's entry, that before the settings. What a request
 * says is data, for us and for the swarm's own templates. Errors: `INVALID_CONFIG`, `INVALID_ENV`, `FORBIDDEN`,
 * `KERNELSPEC_INVALID`.
 */
export function serviceRequest(options: ServiceRequestOptions): ServiceRequest {
  const { context, config, parameters, entry, user, values } = options;
  const container: ContainerSpecOptions = config.container_spec ?? {};
  const networks = networksOf(config, { entry, user });
  const [network = ''] = networks;
  const name = serviceName(context, user.name ?? config.service_prefix);
  const runAs = runAsOf(options);
  const { command: argv, scriptOptions } = kernelCommand({ context, parameters });
  const args =
    user.container_spec?.args ?? (entry.args ?? container.args)?.map((word) => fill(word, commandValues(options)));
  const entrypoint = (entry.command ?? container.command)?.map((word) => fill(word, commandValues(options)));
  const command = args ?? argv;
  const secret =
    parameters.secret.launcherV2 === '' ? undefined : { name: secretName(name), content: parameters.secret.launcherV2 };
  const mounts = mountsOf(options, name);
  const workingDir = workingDirOf(options);
  const labels = kernelLabels(context, { ...config.labels });
  const placement = user.placement ?? entry.placement ?? config.placement;
  const logDriver = user.log_driver ?? entry.log_driver ?? config.log_driver;
  const files = secretsOf(options, { runAs, launcher: secret?.name });
  const configs = (entry.configs ?? container.configs)?.map((file) => toServiceFile(file, `/${file.name}`));
  const { hostname, groups, hosts, dns, read_only: readOnlyRoot, cap_add: capAdd } = container;
  const env = containerEnv({
    context,
    config,
    parameters,
    image: entry.image,
    network,
    user: runAs.ids,
    hostEnv: options.hostEnv,
    scriptOptions,
    mode: 'swarm',
    more: moreEnv(options),
    quote: asSwarmText,
  });
  const spec: ServiceSpec = {
    name,
    image: entry.image,
    labels,
    containerLabels: { ...container.labels, ...labels },
    env: { ...env, ...(secret === undefined ? {} : { GP_LAUNCHER_V2: SECRET_PATH }) },
    user: runAs.text,
    // Images of kernels give what they have to the group `users`.
    supplementaryGroups: groups ?? ['100'],
    networks,
    endpointMode: entry.endpoint_spec?.mode ?? config.endpoint_mode ?? 'dnsrr',
    mounts: mounts.map(({ mount }) => mount),
    resources: resourcesOf(options),
    restart: { condition: 'none' },
    init: container.init ?? true,
    capDrop: container.cap_drop ?? ['ALL'],
    noNewPrivileges: true,
    stopGraceSeconds: container.stop_grace_seconds ?? DEFAULT_GRACE_SECONDS,
    ...(network === 'host' ? {} : { hostname: hostname === undefined ? name : fill(hostname, values, asSwarmPart) }),
    ...(command === undefined ? {} : { command }),
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(workingDir === undefined ? {} : { workingDir }),
    ...(placement?.constraints === undefined ? {} : { constraints: placement.constraints }),
    ...(placement?.preferences === undefined ? {} : { preferences: placement.preferences }),
    ...(logDriver === undefined ? {} : { logDriver: logDriver.name, logOptions: logDriver.options }),
    ...(files.length === 0 ? {} : { secrets: files }),
    ...(configs === undefined ? {} : { configs }),
    ...(hosts === undefined
      ? {}
      : { extraHosts: Object.entries(hosts).map(([host, address]) => `${host}:${address}`) }),
    ...(dns === undefined ? {} : { dns }),
    ...(readOnlyRoot === undefined ? {} : { readOnlyRoot }),
    ...(capAdd === undefined ? {} : { capAdd }),
  };
  const volumes = mounts.flatMap(({ mount, autoremove }) =>
    autoremove && mount.type === 'volume' && mount.source !== undefined ? [mount.source] : [],
  );
  return { spec, secret, network, volumes };
}

function networksOf(
  config: SwarmConfig,
  { entry, user }: { readonly entry: ImageEntry; readonly user: UserOptions },
): readonly string[] {
  const ofConfig = config.networks ?? (config.docker_network === undefined ? [] : [config.docker_network]);
  const networks = user.networks ?? entry.networks ?? ofConfig;
  if (networks.length > 0 && networks[0] !== 'bridge') return networks;
  throw new ProvisionerError(
    'INVALID_CONFIG',
    'no network for services is set: name one of scope swarm, such as an overlay, in networks or GP_DOCKER_NETWORK',
  );
}

interface RunAs {
  readonly text: string;
  readonly ids: { readonly uid: number; readonly gid: number };
  /** Whether the ids are those that the container really has. */
  readonly isExact: boolean;
}

/** `uid_gid` or `user` of the settings, else `KERNEL_UID` and `KERNEL_GID`; prohibited ids are so wherever they come from. */
function runAsOf({ context, config, entry, values }: ServiceRequestOptions): RunAs {
  const container: ContainerSpecOptions = config.container_spec ?? {};
  const hasOwn = entry.uid_gid !== undefined || entry.user !== undefined;
  const { uid_gid: uidGid, user } = hasOwn ? entry : container;
  const given = fill(uidGid ?? user ?? '', values);
  const [, uid = '', gid] = /^(\d+)(?::(\d+))?$/.exec(given) ?? [];
  if (given !== '' && uid === '') {
    if (uidGid !== undefined) {
      throw new ProvisionerError(
        'INVALID_CONFIG',
        `uid_gid ${JSON.stringify(given)} is no uid or uid:gid for this user`,
      );
    }
    // A name is known to the image alone.
    if (/^root(:|$)/.test(given)) containerUser({ KERNEL_UID: '0' }, config);
    return { text: given, ids: containerUser({}, config), isExact: false };
  }
  const wanted = uid === '' ? context.env : { KERNEL_UID: uid, ...(gid === undefined ? {} : { KERNEL_GID: gid }) };
  const ids = containerUser(wanted, config);
  return { text: `${String(ids.uid)}:${String(ids.gid)}`, ids, isExact: true };
}

/** Arguments may name the launcher's parameters too, as a kernelspec's argv does. */
function commandValues({ context, parameters, values }: ServiceRequestOptions): PlaceholderValues {
  const ofLauncher = Object.entries(launcherPlaceholders(context, parameters));
  const known = ofLauncher.filter((entry): entry is [string, string] => entry[1] !== undefined);
  return { ...values, ...Object.fromEntries(known) };
}

/** The settings' variables may use the swarm's own templates; those of a request are data. */
function moreEnv({ config, entry, user, values }: ServiceRequestOptions): Readonly<Record<string, string>> {
  const ofOperator = Object.entries({ ...config.container_spec?.env, ...entry.env });
  const ofUser = Object.entries(user.container_spec?.env ?? {});
  return Object.fromEntries([
    ...ofOperator.map(([name, template]) => [name, fill(template, values, asSwarmPart)] as const),
    ...ofUser.map(([name, value]) => [name, asSwarmText(value)] as const),
  ]);
}

function mountsOf(
  { config, entry, user, values }: ServiceRequestOptions,
  service: string,
): readonly ReturnType<typeof serviceMount>[] {
  const ofOperator = entry.mounts ?? config.container_spec?.mounts ?? config.mounts ?? [];
  return [
    ...ofOperator.map((mount, index) => serviceMount(named(mount, `${service}-${String(index)}`), values)),
    // Beside the operator's, not instead of them. Braces that the swarm would read are the user's own text.
    ...(user.container_spec?.mounts ?? []).map((mount) => serviceMount(quoted(mount), values)),
  ];
}

function quoted(mount: NonNullable<NonNullable<UserOptions['container_spec']>['mounts']>[number]): typeof mount {
  const target = asSwarmText(mount.target);
  if (mount.type === 'tmpfs') return { ...mount, target };
  if (mount.type === 'bind') return { ...mount, target, source: asSwarmText(mount.source) };
  const labels = Object.entries({ ...mount.label, ...mount.labels }).map(([key, value]) => [key, asSwarmText(value)]);
  return { ...mount, target, label: undefined, labels: Object.fromEntries(labels) as Record<string, string> };
}

function workingDirOf({ context, config, entry, user, values }: ServiceRequestOptions): string | undefined {
  const ofSettings = entry.workdir ?? config.container_spec?.workdir;
  const chosen = user.container_spec?.workdir ?? (ofSettings === undefined ? undefined : fill(ofSettings, values));
  return chosen ?? (config.mirror_working_dirs === true ? workingFolder(context) : undefined);
}

function resourcesOf({ config, entry, user }: ServiceRequestOptions): ServiceResources {
  const { resource_spec: chosen = {} } = user;
  assertResources(chosen, { config, entry });
  const spec = { ...config.resource_spec, ...entry.resource_spec, ...chosen };
  return {
    pidsLimit: config.pids_limit ?? DEFAULT_PIDS_LIMIT,
    ...(config.ulimits === undefined ? {} : { ulimits: config.ulimits }),
    ...(spec.cpu_limit === undefined ? {} : { cpuLimit: spec.cpu_limit }),
    ...(spec.cpu_reservation === undefined ? {} : { cpuReservation: spec.cpu_reservation }),
    ...(spec.mem_limit === undefined ? {} : { memoryLimitBytes: spec.mem_limit }),
    ...(spec.mem_reservation === undefined ? {} : { memoryReservationBytes: spec.mem_reservation }),
    ...(spec.generic_resources === undefined ? {} : { genericResources: spec.generic_resources }),
  };
}

function secretsOf(
  { config, entry }: ServiceRequestOptions,
  { runAs, launcher }: { readonly runAs: RunAs; readonly launcher: string | undefined },
): readonly ServiceFile[] {
  const wanted = (entry.secrets ?? config.container_spec?.secrets ?? []).map((file) => toServiceFile(file, file.name));
  if (launcher === undefined) return wanted;
  // Of a user who is known by name only the id is not known.
  const readable = runAs.isExact ? { ...runAs.ids, mode: 0o400 } : { mode: 0o444 };
  return [...wanted, { name: launcher, target: SECRET_PATH, ...readable }];
}

function toServiceFile({ name, target, uid, gid, mode }: ServiceFileOptions, otherwise: string): ServiceFile {
  return {
    name,
    target: target ?? otherwise,
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    ...(mode === undefined ? {} : { mode }),
  };
}
