import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import type { EngineEvent, FollowedTask, ServiceSpec } from './index.ts';
import { deferred } from './testing/deferred.ts';
import { BASE_IMAGE, TestEngine } from './testing/test-engine.ts';
import { TestSwarm } from './testing/test-swarm.ts';

const awkward = { QUOTES: `'"\\`, SHELL_WORDS: '$(id) `id`', LINES: 'a\nb\n', EQUALS: 'a=b==', UNICODE: 'ü☃' };
const hasEnded = ({ state }: FollowedTask): boolean => ['complete', 'failed', 'rejected', 'shutdown'].includes(state);
const runs = ({ state }: FollowedTask): boolean => state === 'running';

describe('an engine that manages no swarm', () => {
  test('says so, and every call about a swarm is ENGINE_NOT_MANAGER', async () => {
    await using bed = await TestEngine.open();
    const { services, tasks, nodes, configs, secrets, swarm } = bed.engine;
    expect(await swarm.info()).toMatchObject({ state: 'inactive', isManager: false });
    const calls = [
      () => services.create({ name: 'gp-test', image: BASE_IMAGE }),
      () => services.inspect('x'),
      () => services.list({ labels: [] }),
      () => services.remove('x'),
      () => services.logs('x', { maxBytes: 1 }),
      () => tasks.list({}),
      () => tasks.inspect('x'),
      () => nodes.list(),
      () => nodes.setAvailability('x', 'drain'),
      () => configs.create({ name: 'x', content: 'x' }),
      () => secrets.list(),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'ENGINE_NOT_MANAGER' });
    const told = deferred<string>();
    const cancel = tasks.follow('x', {
      onTasks: () => undefined,
      onGone: () => undefined,
      onUnreachable: ({ code }) => {
        told.resolve(code);
      },
    });
    expect(await told.promise).toBe('ENGINE_NOT_MANAGER');
    cancel();
  });

  test('so says a worker', async () => {
    await using bed = await TestEngine.open(process.env['GP_DOCKER_NODE2_HOST']);
    expect(await bed.engine.swarm.info()).toMatchObject({ state: 'active', isManager: false });
    await expect(bed.engine.services.list({ labels: [] })).rejects.toMatchObject({ code: 'ENGINE_NOT_MANAGER' });
  });
});

describe('services', () => {
  test('run what was asked for: environment, user, files, limits, mounts, as they are', async () => {
    await using bed = await TestSwarm.open();
    const { configs, secrets, services, tasks, volumes } = bed.engine;
    const name = `gp-test-${bed.id}`;
    await configs.create({ name, content: 'ä config\n', labels: bed.labels });
    await secrets.create({ name, content: Buffer.from('a secret\n'), labels: bed.labels });
    const script = `import os, json
print(json.dumps([dict(os.environ), os.getuid(), os.getcwd(), os.uname().nodename, open('/c').read(),
  open('/s/x').read(), oct(os.stat('/s/x').st_mode), os.path.isdir('/v'), open('/sys/fs/cgroup/memory/memory.limit_in_bytes').read()
  if os.path.exists('/sys/fs/cgroup/memory') else open('/sys/fs/cgroup/memory.max').read()]))`;
    const spec: Partial<ServiceSpec> = {
      command: ['python3', '-c', script],
      env: awkward,
      user: '1234:100',
      workingDir: '/tmp',
      hostname: 'a-host',
      containerLabels: { of: 'container' },
      configs: [{ name, target: '/c' }],
      secrets: [{ name, target: '/s/x', uid: 1234, gid: 100, mode: 0o400 }],
      mounts: [{ type: 'volume', source: name, target: '/v', labels: { autoremove: 'True', ...bed.labels } }],
      resources: { memoryLimitBytes: 64 << 20, cpuLimit: 0.5, pidsLimit: 50 },
      constraints: ['node.labels.gp.node==1'],
      preferences: ['spread=node.labels.gp.node'],
      networks: [bed.bridge],
      endpointMode: 'dnsrr',
      init: true,
      capDrop: ['ALL'],
    };
    const id = await bed.create(spec);
    const ended = await bed.task(id, hasEnded);
    const log = await services.logs(id, { maxBytes: 16_384 });
    expect([ended.state, ended.error, log.slice(0, 1)]).toEqual(['complete', '', '[']);
    expect(ended).toMatchObject({ exitCode: 0, serviceId: id, nodeState: 'ready' });
    const [env, ...rest] = JSON.parse(log) as unknown[];
    expect(env).toMatchObject(awkward);
    expect(rest).toEqual([1234, '/tmp', 'a-host', 'ä config\n', 'a secret\n', '0o100400', true, `${64 << 20}\n`]);
    expect(await tasks.logs(ended.id, { maxBytes: 5 })).toBe(log.slice(-5));

    expect(await services.inspect(id)).toMatchObject({
      id,
      labels: bed.labels,
      containerLabels: { of: 'container' },
      image: BASE_IMAGE,
      replicas: 1,
      mounts: [{ type: 'volume', source: name, target: '/v', volumeLabels: { autoremove: 'True' } }],
    });
    expect(await services.inspect(id.slice(0, 10))).toBeUndefined();
    expect((await services.list({ labels: [bed.label] })).map((service) => service.id)).toEqual([id]);
    expect(await tasks.inspect(ended.id)).toMatchObject({ id: ended.id, nodeId: ended.nodeId, state: 'complete' });

    // In use until the service is gone; a volume until its container is.
    const [config] = await configs.list({ labels: [bed.label] });
    expect(await configs.inspect(name)).toEqual(config);
    await expect(configs.remove(name)).rejects.toMatchObject({ code: 'ENGINE_RESOURCE_IN_USE' });
    await expect(secrets.remove(name)).rejects.toMatchObject({ code: 'ENGINE_RESOURCE_IN_USE' });
    await expect(volumes.remove(name)).rejects.toMatchObject({ code: 'ENGINE_RESOURCE_IN_USE' });
    const gone = deferred<undefined>();
    tasks.follow(id, {
      onTasks: () => undefined,
      onGone: () => {
        gone.resolve(undefined);
      },
    });
    await services.remove(id);
    await services.remove(id);
    await gone.promise;
    for (const files of [configs, secrets]) {
      await files.remove(name);
      await files.remove(name);
      expect(await files.inspect(name)).toBeUndefined();
    }
    expect(await volumes.inspect(name)).toMatchObject({ name, labels: { autoremove: 'True' } });
    await bed.removed(() => volumes.remove(name));
    expect([await services.inspect(id), await services.logs(id, { maxBytes: 9 })]).toEqual([undefined, '']);
  });

  test('a task tells where it runs, and the manager knows its addresses on an overlay only', async () => {
    await using bed = await TestSwarm.open();
    const constraints = ['node.labels.gp.node==2'];
    const id = await bed.create({ networks: [bed.overlay, bed.bridge], endpointMode: 'dnsrr', constraints });
    const task = await bed.task(id, runs);
    const byName = new Map(task.networks.map((network) => [network.name, network]));
    expect(byName.get(bed.overlay)).toMatchObject({ driver: 'overlay' });
    expect(byName.get(bed.overlay)?.addresses).toEqual([expect.stringMatching(/^10\.216\.\d+\.\d+$/)]);
    expect(byName.get(bed.bridge)?.addresses).toEqual([]);
    const node = await bed.engine.nodes.inspect(task.nodeId ?? '');
    expect(node).toMatchObject({ hostname: 'gp-node2', state: 'ready', role: 'worker', labels: { 'gp.node': '2' } });
    expect(node?.genericResources).toEqual({ 'gp-gpu': 2 });
    expect((await bed.engine.tasks.list({ services: [id], nodes: [task.nodeId ?? ''] })).length).toBe(1);
    expect((await bed.engine.tasks.list({ labels: [bed.label], desiredStates: ['shutdown'] })).length).toBe(0);
    await using worker = await TestEngine.open(process.env['GP_DOCKER_NODE2_HOST']);
    const container = await worker.engine.containers.inspect(task.containerId ?? '');
    expect(container?.networks[bed.bridge]?.ipAddress).toMatch(/^10\.215\.2\.\d+$/);
    expect(container?.labels['com.docker.swarm.service.id']).toBe(id);
  });

  test('are changed: another specification makes another task', async () => {
    await using bed = await TestSwarm.open();
    const spec = bed.spec({}, 'exit 3');
    const id = await bed.engine.services.create(spec);
    expect(await bed.task(id, hasEnded)).toMatchObject({ state: 'failed', exitCode: 3 });
    await bed.engine.services.update(id, { ...spec, command: ['/bin/sh', '-c', 'exec sleep 600'] });
    expect(await bed.task(id, runs)).toMatchObject({ exitCode: undefined });
    await bed.engine.services.update(id, { ...spec, replicas: 0 });
    await bed.task(id, ({ state }) => state !== 'running');
  });
});

describe('what a swarm refuses', () => {
  const cases: readonly { what: string; spec: Partial<ServiceSpec>; code: string; words: string }[] = [
    ...(['configs', 'secrets'] as const).map((kind) => ({
      what: `${kind} that it lacks`,
      spec: { [kind]: [{ name: 'no-such-file' }] },
      code: 'ENGINE_RESOURCE_NOT_FOUND',
      words: 'no-such-file',
    })),
    {
      what: 'a network that it lacks',
      spec: { networks: ['no-such-network'] },
      code: 'ENGINE_RESOURCE_NOT_FOUND',
      words: 'no-such-network',
    },
    {
      what: 'a constraint without an operator',
      spec: { constraints: ['node.id'] },
      code: 'ENGINE_REFUSED',
      words: 'constraint',
    },
    { what: 'a name that is too long', spec: { name: 'x'.repeat(64) }, code: 'ENGINE_REFUSED', words: '63' },
    {
      what: 'too little memory',
      spec: { resources: { memoryLimitBytes: 1 } },
      code: 'ENGINE_REFUSED',
      words: 'memory',
    },
  ];

  test.each(cases)('$what', async ({ spec, code, words }) => {
    await using bed = await TestSwarm.open();
    await expect(bed.create(spec)).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
    expect(await bed.engine.services.list({ labels: [bed.label] })).toEqual([]);
  });

  test('a network of one engine alone', async () => {
    await using bed = await TestSwarm.open();
    const name = `gp-test-${bed.id}`;
    await bed.engine.networks.create({ name, subnet: '10.219.8.0/24' });
    try {
      await expect(bed.create({ networks: [name] })).rejects.toMatchObject({
        code: 'ENGINE_REFUSED',
        message: expect.stringContaining(name),
      });
    } finally {
      await bed.engine.networks.remove(name);
    }
  });

  test('a name that is taken is ENGINE_CONFLICT', async () => {
    await using bed = await TestSwarm.open();
    const name = `gp-test-${bed.id}`;
    await bed.create({ name });
    await expect(bed.create({ name })).rejects.toMatchObject({ code: 'ENGINE_CONFLICT' });
    await bed.engine.configs.create({ name, content: 'x', labels: bed.labels });
    const again = bed.engine.configs.create({ name, content: 'y', labels: bed.labels });
    await expect(again).rejects.toMatchObject({ code: 'ENGINE_CONFLICT' });
  });

  test.each([
    { what: 'an image that no node has', spec: { image: 'gp-test/nope:1' }, state: 'rejected', words: 'gp-test/nope' },
    {
      what: 'a constraint that no node meets',
      spec: { constraints: ['node.id==x'] },
      state: 'pending',
      words: 'constraints',
    },
    {
      what: 'more of a generic resource than there is',
      spec: { resources: { genericResources: { 'gp-gpu': 3 } } },
      state: 'pending',
      words: 'insufficient resources',
    },
    {
      what: 'a volume driver that every node lacks',
      spec: { mounts: [{ type: 'volume', source: 'vv', target: '/v', driver: 'vieux/sshfs' } as const] },
      state: 'pending',
      words: 'missing plugin',
    },
  ])('$what is told by the task', async ({ spec, state, words }) => {
    await using bed = await TestSwarm.open();
    const id = await bed.create(spec);
    const task = await bed.task(id, ({ error }) => error !== '');
    expect([task.state, task.error]).toEqual([state, expect.stringContaining(words)]);
  });
});

describe('networks and volumes', () => {
  test('are made, found by label, refused while in use, and gone', async () => {
    await using bed = await TestEngine.open();
    const { networks, volumes, containers } = bed.engine;
    const labels = Object.fromEntries([bed.label.split('=')]) as Record<string, string>;
    const name = `gp-test-${randomUUID()}`;
    const network = await networks.create({ name, labels, subnet: '10.219.7.0/24' });
    const volume = await volumes.create({ name, labels });
    try {
      expect(volume).toEqual({ name, driver: 'local', labels, driverOptions: {} });
      expect(await volumes.create({ name, labels })).toEqual(volume);
      expect(await volumes.list({ labels: [bed.label] })).toEqual([volume]);
      expect(await networks.list({ labels: [bed.label] })).toEqual([await networks.inspect(name)]);
      expect(await networks.inspect(name)).toMatchObject({
        id: network,
        scope: 'local',
        labels,
      });
      await expect(networks.create({ name })).rejects.toMatchObject({ code: 'ENGINE_CONFLICT' });
      const id = await bed.run({ network: name, mounts: [{ type: 'volume', source: name, target: '/v' }] });
      await expect(networks.remove(name)).rejects.toMatchObject({ code: 'ENGINE_RESOURCE_IN_USE' });
      await expect(volumes.remove(name)).rejects.toMatchObject({ code: 'ENGINE_RESOURCE_IN_USE' });
      await containers.remove(id);
    } finally {
      await networks.remove(name);
      await volumes.remove(name);
    }
    await networks.remove(name);
    await volumes.remove(name);
    expect([await networks.inspect(name), await volumes.inspect(name)]).toEqual([undefined, undefined]);
  });

  test('a volume driver that the engine lacks is ENGINE_RESOURCE_NOT_FOUND', async () => {
    await using bed = await TestEngine.open();
    await expect(bed.engine.volumes.create({ name: 'gp-test-vv', driver: 'vieux/sshfs' })).rejects.toMatchObject({
      code: 'ENGINE_RESOURCE_NOT_FOUND',
      message: expect.stringContaining('vieux/sshfs'),
    });
  });
});

describe('events of a swarm', () => {
  test('of services and nodes; a node that is paused gets no tasks until it is active again', async () => {
    await using bed = await TestSwarm.open();
    const { nodes } = bed.engine;
    const [connected, created, updated] = [deferred<undefined>(), deferred<EngineEvent>(), deferred<EngineEvent>()];
    bed.engine.watch(
      { types: ['service', 'node'], scopes: ['swarm'] },
      {
        onConnected: () => {
          connected.resolve(undefined);
        },
        onEvent: (event) => {
          if (event.type === 'service' && event.attributes['name'] === `gp-test-${bed.id}`) created.resolve(event);
          // The managers change nodes for reasons of their own as well.
          if (event.attributes['availability.new'] === 'pause') updated.resolve(event);
        },
      },
    );
    await connected.promise;
    const node = await nodes.inspect('gp-node2');
    const node2 = node?.id ?? '';
    await nodes.setAvailability('gp-node2', 'pause');
    let id: string;
    try {
      expect(await updated.promise).toMatchObject({ id: node2, action: 'update', scope: 'swarm' });
      id = await bed.create({ name: `gp-test-${bed.id}`, constraints: ['node.labels.gp.node==2'] });
      expect(await created.promise).toMatchObject({ type: 'service', action: 'create', scope: 'swarm', id });
      const pending = await bed.task(id, ({ error }) => error !== '');
      expect(pending).toMatchObject({ state: 'pending', nodeId: undefined });
      expect(pending.error).toContain('not available for new tasks');
      expect((await nodes.inspect(node2))?.availability).toBe('pause');
    } finally {
      await nodes.setAvailability(node2, 'active');
    }
    expect(await bed.task(id, runs)).toMatchObject({ nodeId: node2, nodeState: 'ready' });
    expect((await nodes.list()).find((each) => each.id === node2)?.availability).toBe('active');
  });
});
