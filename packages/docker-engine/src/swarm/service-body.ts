import { defined, mountBody } from '../container-body.ts';
import type { ServiceFile, ServiceNetwork, ServicePort, ServiceResources, ServiceSpec } from './service-spec.ts';

/** Ids of the configurations and secrets that a service refers to, by their names. */
export interface FileIds {
  readonly configs: ReadonlyMap<string, string>;
  readonly secrets: ReadonlyMap<string, string>;
}

type Body = Readonly<Record<string, unknown>>;

/** The body of `POST /services/create`; absent options are left to the engine. */
export function serviceBody(spec: ServiceSpec, ids: FileIds): Body {
  const { resources = {}, preferences, constraints, restart = { condition: 'none' } } = spec;
  const hasPlacement = preferences !== undefined || constraints !== undefined;
  return defined({
    Name: spec.name,
    Labels: spec.labels,
    TaskTemplate: defined({
      ContainerSpec: containerBodyOf(spec, ids),
      Resources: resourcesBody(resources),
      RestartPolicy: defined({
        Condition: restart.condition,
        MaxAttempts: restart.maxAttempts,
        Delay: restart.delayMs === undefined ? undefined : restart.delayMs * 1e6,
      }),
      Placement: hasPlacement
        ? defined({ Constraints: constraints, Preferences: preferences?.map(preferenceBody) })
        : undefined,
      Networks: spec.networks?.map(networkBody),
      LogDriver: spec.logDriver === undefined ? undefined : { Name: spec.logDriver, Options: spec.logOptions ?? {} },
    }),
    Mode: { Replicated: { Replicas: spec.replicas ?? 1 } },
    EndpointSpec: defined({ Mode: spec.endpointMode, Ports: spec.ports?.map(portBody) }),
  });
}

function containerBodyOf(spec: ServiceSpec, ids: FileIds): Body {
  return defined({
    Image: spec.image,
    // The words are other ones here: what is run is the command, what it is given are the arguments.
    Command: spec.entrypoint,
    Args: spec.command,
    Env: spec.env === undefined ? undefined : Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    Labels: spec.containerLabels,
    User: spec.user,
    Groups: spec.supplementaryGroups,
    Dir: spec.workingDir,
    Hostname: spec.hostname,
    // As lines of /etc/hosts have it: the address first.
    Hosts: spec.extraHosts?.map((line) => line.replace(/^([^:]*):(.*)$/s, '$2 $1')),
    DNSConfig: spec.dns === undefined ? undefined : { Nameservers: spec.dns },
    Mounts: spec.mounts?.map(mountBody),
    ReadOnly: spec.readOnlyRoot,
    Init: spec.init,
    CapabilityDrop: spec.capDrop,
    CapabilityAdd: spec.capAdd,
    StopSignal: spec.stopSignal,
    StopGracePeriod: spec.stopGraceSeconds === undefined ? undefined : Math.round(spec.stopGraceSeconds * 1e9),
    Ulimits: spec.resources?.ulimits?.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    Privileges: spec.noNewPrivileges === undefined ? undefined : { NoNewPrivileges: spec.noNewPrivileges },
    Configs: spec.configs?.map((file) => ({
      ConfigName: file.name,
      ConfigID: ids.configs.get(file.name),
      File: fileBody(file, `/${file.name}`),
    })),
    Secrets: spec.secrets?.map((file) => ({
      SecretName: file.name,
      SecretID: ids.secrets.get(file.name),
      File: fileBody(file, file.name),
    })),
  });
}

function resourcesBody(resources: ServiceResources): Body | undefined {
  const { cpuLimit, cpuReservation, memoryLimitBytes, memoryReservationBytes, pidsLimit, genericResources } = resources;
  const limits = defined({ NanoCPUs: nanoCpus(cpuLimit), MemoryBytes: memoryLimitBytes, Pids: pidsLimit });
  const generic = Object.entries(genericResources ?? {}).map(([kind, value]) => ({
    DiscreteResourceSpec: { Kind: kind, Value: value },
  }));
  const reservations = defined({
    NanoCPUs: nanoCpus(cpuReservation),
    MemoryBytes: memoryReservationBytes,
    GenericResources: generic.length === 0 ? undefined : generic,
  });
  const body = {
    ...(Object.keys(limits).length === 0 ? {} : { Limits: limits }),
    ...(Object.keys(reservations).length === 0 ? {} : { Reservations: reservations }),
  };
  return Object.keys(body).length === 0 ? undefined : body;
}

function nanoCpus(cpus: number | undefined): number | undefined {
  return cpus === undefined ? undefined : Math.round(cpus * 1e9);
}

function preferenceBody(preference: string): Body {
  return { Spread: { SpreadDescriptor: preference.replace(/^spread=/, '') } };
}

function networkBody(network: string | ServiceNetwork): Body {
  if (typeof network === 'string') return { Target: network };
  return defined({ Target: network.name, Aliases: network.aliases });
}

function portBody({ targetPort, publishedPort, protocol = 'tcp', mode = 'ingress' }: ServicePort): Body {
  return defined({ TargetPort: targetPort, PublishedPort: publishedPort, Protocol: protocol, PublishMode: mode });
}

function fileBody(file: ServiceFile, target: string): Body {
  const { uid = 0, gid = 0, mode = 0o444 } = file;
  return { Name: file.target ?? target, UID: String(uid), GID: String(gid), Mode: mode };
}
