import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { toVolumeDetails } from '../modem/resource-answers.ts';
import {
  toNodeDetails,
  toServiceDetails,
  toSwarmFile,
  toSwarmInfo,
  toTaskDetails,
} from '../modem/swarm/swarm-answers.ts';
import { serviceBody } from './service-body.ts';

const noIds = { configs: new Map(), secrets: new Map() };

describe('service body', () => {
  it('has what was given and nothing else: one task that is never run again', () => {
    expect(serviceBody({ name: 'n', image: 'i' }, noIds)).toEqual({
      Name: 'n',
      TaskTemplate: { ContainerSpec: { Image: 'i' }, RestartPolicy: { Condition: 'none' } },
      Mode: { Replicated: { Replicas: 1 } },
      EndpointSpec: {},
    });
  });

  it('has everything that can be given, under the names of the Engine API', () => {
    const body = serviceBody(
      {
        name: 'n',
        image: 'i',
        command: ['arg'],
        entrypoint: ['program'],
        env: { A: 'b=c\n' },
        labels: { of: 'service' },
        containerLabels: { of: 'container' },
        user: '1:2',
        supplementaryGroups: ['3'],
        workingDir: '/w',
        hostname: 'h',
        extraHosts: ['a:::1', 'b:10.0.0.1'],
        dns: ['10.0.0.2'],
        mounts: [{ type: 'volume', source: 'v', target: '/v', driver: 'd', labels: { autoremove: 'True' } }],
        readOnlyRoot: true,
        init: true,
        capDrop: ['ALL'],
        capAdd: ['CHOWN'],
        logDriver: 'json-file',
        logOptions: { 'max-size': '1m' },
        configs: [{ name: 'c' }],
        secrets: [{ name: 's', target: '/s', uid: 5, gid: 6, mode: 0o400 }],
        resources: {
          cpuLimit: 1.5,
          cpuReservation: 0.1,
          memoryLimitBytes: 10,
          memoryReservationBytes: 5,
          pidsLimit: 7,
          ulimits: [{ name: 'nofile', soft: 1, hard: 2 }],
          genericResources: { gpu: 2 },
        },
        constraints: ['node.labels.a==b'],
        preferences: ['spread=node.labels.rack', 'node.labels.row'],
        networks: ['net', { name: 'other', aliases: ['x'] }],
        endpointMode: 'dnsrr',
        ports: [{ targetPort: 80, publishedPort: 8080, mode: 'host' }],
        restart: { condition: 'on-failure', maxAttempts: 2, delayMs: 5 },
        replicas: 3,
        stopSignal: 'SIGINT',
        stopGraceSeconds: 1.5,
        noNewPrivileges: true,
      },
      { configs: new Map([['c', 'c-id']]), secrets: new Map([['s', 's-id']]) },
    );
    expect(body).toEqual({
      Name: 'n',
      Labels: { of: 'service' },
      TaskTemplate: {
        ContainerSpec: {
          Image: 'i',
          Command: ['program'],
          Args: ['arg'],
          Env: ['A=b=c\n'],
          Labels: { of: 'container' },
          User: '1:2',
          Groups: ['3'],
          Dir: '/w',
          Hostname: 'h',
          Hosts: ['::1 a', '10.0.0.1 b'],
          DNSConfig: { Nameservers: ['10.0.0.2'] },
          Mounts: [
            {
              Type: 'volume',
              Source: 'v',
              Target: '/v',
              VolumeOptions: { Labels: { autoremove: 'True' }, DriverConfig: { Name: 'd', Options: {} } },
            },
          ],
          ReadOnly: true,
          Init: true,
          CapabilityDrop: ['ALL'],
          CapabilityAdd: ['CHOWN'],
          StopSignal: 'SIGINT',
          StopGracePeriod: 1_500_000_000,
          Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }],
          Privileges: { NoNewPrivileges: true },
          Configs: [{ ConfigName: 'c', ConfigID: 'c-id', File: { Name: '/c', UID: '0', GID: '0', Mode: 0o444 } }],
          Secrets: [{ SecretName: 's', SecretID: 's-id', File: { Name: '/s', UID: '5', GID: '6', Mode: 0o400 } }],
        },
        Resources: {
          Limits: { NanoCPUs: 1_500_000_000, MemoryBytes: 10, Pids: 7 },
          Reservations: {
            NanoCPUs: 100_000_000,
            MemoryBytes: 5,
            GenericResources: [{ DiscreteResourceSpec: { Kind: 'gpu', Value: 2 } }],
          },
        },
        RestartPolicy: { Condition: 'on-failure', MaxAttempts: 2, Delay: 5_000_000 },
        Placement: {
          Constraints: ['node.labels.a==b'],
          Preferences: [
            { Spread: { SpreadDescriptor: 'node.labels.rack' } },
            { Spread: { SpreadDescriptor: 'node.labels.row' } },
          ],
        },
        Networks: [{ Target: 'net' }, { Target: 'other', Aliases: ['x'] }],
        LogDriver: { Name: 'json-file', Options: { 'max-size': '1m' } },
      },
      Mode: { Replicated: { Replicas: 3 } },
      EndpointSpec: {
        Mode: 'dnsrr',
        Ports: [{ TargetPort: 80, PublishedPort: 8080, Protocol: 'tcp', PublishMode: 'host' }],
      },
    });
  });
});

describe('answers of a swarm', () => {
  it('of any shape end in an error of ours or in a value', () => {
    const notUnderstood = expect.objectContaining({ code: 'PROTOCOL_ERROR' });
    fc.assert(
      fc.property(fc.jsonValue(), (answer) => {
        for (const read of [toTaskDetails, toNodeDetails, toServiceDetails, toSwarmFile, toVolumeDetails]) {
          expect(() => read(answer)).toThrow(notUnderstood);
        }
        expect(toSwarmInfo(answer)).toMatchObject({ state: 'inactive', isManager: false });
      }),
    );
  });

  it('a task: where it runs, its addresses without the prefix, and an exit code only when it ended', () => {
    const answer = (state: string) => ({
      ID: 't',
      ServiceID: 's',
      NodeID: 'n',
      DesiredState: 'running',
      Status: { State: state, Message: 'm', ContainerStatus: { ContainerID: 'c', ExitCode: 0 } },
      NetworksAttachments: [
        { Network: { ID: 'o', Spec: { Name: 'ov' }, DriverState: { Name: 'overlay' } }, Addresses: ['10.0.1.2/24'] },
      ],
    });
    const running = toTaskDetails(answer('running'));
    expect(running).toMatchObject({ id: 't', nodeId: 'n', containerId: 'c', error: '', exitCode: undefined });
    expect(running.networks).toEqual([{ id: 'o', name: 'ov', driver: 'overlay', addresses: ['10.0.1.2'] }]);
    expect(toTaskDetails(answer('complete')).exitCode).toBe(0);
    expect(() => toTaskDetails(answer('confused'))).toThrow(expect.objectContaining({ code: 'PROTOCOL_ERROR' }));
  });

  it('a node: what it offers, counted or named', () => {
    const node = toNodeDetails({
      ID: 'n',
      Spec: { Role: 'worker', Availability: 'active', Labels: { a: 'b' } },
      Description: {
        Hostname: 'h',
        Resources: {
          NanoCPUs: 2_000_000_000,
          GenericResources: [
            { DiscreteResourceSpec: { Kind: 'ssd', Value: 3 } },
            { NamedResourceSpec: { Kind: 'gpu', Value: 'one' } },
            { NamedResourceSpec: { Kind: 'gpu', Value: 'two' } },
          ],
        },
      },
      Status: { State: 'ready', Addr: '10.0.0.1' },
    });
    expect(node).toMatchObject({ hostname: 'h', cpus: 2, state: 'ready', genericResources: { ssd: 3, gpu: 2 } });
  });

  it('a service: what it was given, and what an engine leaves out', () => {
    const least = toServiceDetails({ ID: 's', Spec: { Name: 'n' } });
    expect(least).toEqual({
      id: 's',
      name: 'n',
      labels: {},
      containerLabels: {},
      image: '',
      env: [],
      mounts: [],
      networks: [],
      replicas: undefined,
      version: 0,
      createdAt: '',
    });
    const service = toServiceDetails({
      ID: 's',
      CreatedAt: '2026-01-01T00:00:00Z',
      Version: { Index: 7 },
      Spec: {
        Name: 'n',
        Mode: { Replicated: { Replicas: 2 } },
        Networks: [{ Target: 'old' }, {}],
        TaskTemplate: {
          ContainerSpec: {
            Image: 'i',
            Env: ['A=b', 7],
            Labels: { a: 'b', odd: 7 },
            Mounts: [{ Source: '/s', Target: '/t', ReadOnly: true }, 7],
          },
        },
      },
    });
    expect(service).toMatchObject({ image: 'i', env: ['A=b'], containerLabels: { a: 'b' }, replicas: 2, version: 7 });
    expect(service.networks).toEqual(['old']);
    expect(service.mounts).toEqual([
      { type: 'bind', source: '/s', target: '/t', readOnly: true, volumeLabels: {} },
      { type: 'bind', source: '', target: '', readOnly: false, volumeLabels: {} },
    ]);
  });

  it('a task without a node, a container, or a name of its network', () => {
    const task = toTaskDetails({
      ID: 't',
      ServiceID: 's',
      NodeID: '',
      DesiredState: 'running',
      Status: { State: 'failed', Err: 'no suitable node' },
      NetworksAttachments: [{ Network: { Spec: { DriverConfiguration: { Name: 'overlay' } } } }, 7],
    });
    expect(task).toMatchObject({ nodeId: undefined, containerId: undefined, exitCode: undefined });
    expect(task.networks).toEqual([
      { id: '', name: '', driver: 'overlay', addresses: [] },
      { id: '', name: '', driver: '', addresses: [] },
    ]);
  });

  it('a node without a description, a manager, and what has no kind', () => {
    const Spec = { Role: 'manager', Availability: 'drain' };
    expect(toNodeDetails({ ID: 'n', Spec, Status: { State: 'down' } })).toMatchObject({
      hostname: '',
      role: 'manager',
      cpus: 0,
      genericResources: {},
    });
    const Description = { Resources: { GenericResources: [{}, 7, { NamedResourceSpec: { Kind: 'gpu' } }] } };
    const { genericResources } = toNodeDetails({ ID: 'n', Spec, Status: { State: 'down' }, Description });
    expect(genericResources).toEqual({ gpu: 1 });
  });

  it('a swarm, a config and a volume as far as they are told', () => {
    expect(toSwarmInfo({ Swarm: { LocalNodeState: 'error', Error: 'e' } })).toMatchObject({
      state: 'error',
      error: 'e',
    });
    expect(toSwarmFile({ ID: 'c' })).toEqual({ id: 'c', name: '', labels: {} });
    expect(toVolumeDetails({ Name: 'v' })).toEqual({ name: 'v', driver: '', labels: {}, driverOptions: {} });
  });
});
