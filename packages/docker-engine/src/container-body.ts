import type { ContainerMount, ContainerSpec, GpuRequest, PublishedPort } from './container-spec.ts';

/** The body of `POST /containers/create`; absent options are left to the engine. */
export function containerBody(spec: ContainerSpec): Readonly<Record<string, unknown>> {
  return defined({
    Image: spec.image,
    Cmd: spec.command,
    Entrypoint: spec.entrypoint,
    Env: spec.env === undefined ? undefined : Object.entries(spec.env).map(([name, value]) => `${name}=${value}`),
    Labels: spec.labels,
    User: spec.user,
    WorkingDir: spec.workingDir,
    Hostname: spec.hostname,
    StopTimeout: spec.stopTimeoutSeconds,
    ExposedPorts: byPort(spec, () => ({})),
    HostConfig: hostConfig(spec),
  });
}

function hostConfig(spec: ContainerSpec): Readonly<Record<string, unknown>> {
  const { resources = {} } = spec;
  return defined({
    NetworkMode: spec.network,
    // Without a port of the host's the engine takes one that is free.
    PortBindings: byPort(spec, ({ hostAddress }) => [{ HostIp: hostAddress, HostPort: '' }]),
    ExtraHosts: spec.extraHosts,
    Dns: spec.dns,
    GroupAdd: spec.supplementaryGroups,
    Mounts: spec.mounts?.map(mountBody),
    Devices: spec.devices?.map(({ hostPath, containerPath, permissions }) => ({
      PathOnHost: hostPath,
      PathInContainer: containerPath,
      CgroupPermissions: permissions,
    })),
    ReadonlyRootfs: spec.readOnlyRoot,
    Init: spec.init,
    CapDrop: spec.capDrop,
    CapAdd: spec.capAdd,
    SecurityOpt: spec.securityOptions,
    Runtime: spec.runtime,
    LogConfig: spec.logDriver === undefined ? undefined : { Type: spec.logDriver, Config: spec.logOptions ?? {} },
    RestartPolicy: { Name: 'no' },
    NanoCpus: resources.cpus === undefined ? undefined : Math.round(resources.cpus * 1e9),
    CpuShares: resources.cpuShares,
    CpusetCpus: resources.cpusetCpus,
    Memory: resources.memoryBytes,
    MemoryReservation: resources.memoryReservationBytes,
    MemorySwap: resources.memorySwapBytes,
    ShmSize: resources.shmBytes,
    PidsLimit: resources.pidsLimit,
    Ulimits: resources.ulimits?.map(({ name, soft, hard }) => ({ Name: name, Soft: soft, Hard: hard })),
    DeviceRequests: resources.gpus === undefined ? undefined : [deviceRequest(resources.gpus)],
  });
}

function byPort(
  { publishedPorts }: ContainerSpec,
  value: (port: PublishedPort) => unknown,
): Readonly<Record<string, unknown>> | undefined {
  if (publishedPorts === undefined) return undefined;
  return Object.fromEntries(publishedPorts.map((port) => [`${String(port.containerPort)}/tcp`, value(port)]));
}

function deviceRequest(gpus: GpuRequest): Readonly<Record<string, unknown>> {
  const byId = gpus.deviceIds !== undefined;
  return defined({
    Driver: gpus.driver,
    // -1 is the engine's word for "all".
    Count: byId ? undefined : gpus.count === 'all' ? -1 : gpus.count,
    DeviceIDs: gpus.deviceIds,
    Capabilities: [gpus.capabilities ?? ['gpu']],
  });
}

/** A mount, as containers and services have it. */
export function mountBody(mount: ContainerMount): Readonly<Record<string, unknown>> {
  switch (mount.type) {
    case 'bind':
      return defined({
        Type: 'bind',
        Source: mount.source,
        Target: mount.target,
        ReadOnly: mount.readOnly,
        BindOptions: mount.propagation === undefined ? undefined : { Propagation: mount.propagation },
      });
    case 'volume':
      return defined({
        Type: 'volume',
        Source: mount.source,
        Target: mount.target,
        ReadOnly: mount.readOnly,
        VolumeOptions: defined({
          NoCopy: mount.noCopy,
          Labels: mount.labels,
          DriverConfig:
            mount.driver === undefined ? undefined : { Name: mount.driver, Options: mount.driverOptions ?? {} },
        }),
      });
    case 'tmpfs':
      return defined({
        Type: 'tmpfs',
        Target: mount.target,
        TmpfsOptions: defined({ SizeBytes: mount.sizeBytes, Mode: mount.mode }),
      });
  }
}

/** Without the members that are undefined. */
export function defined(record: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}
