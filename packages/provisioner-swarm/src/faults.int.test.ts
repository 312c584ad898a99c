import { afterAll, describe, expect, test } from '@jest/globals';
import type { JsonObject, LaunchContext, LaunchProgress } from '@gateway-provisioners/core';
import { SkippingClock, until } from '@gateway-provisioners/core/testing';
import { createTestRendezvous } from '@gateway-provisioners/testkit';
import { serviceName } from './service/service-name.ts';
import { SilentRegistry } from './testing/silent-registry.ts';
import { SwarmBenches, required, shell, swarmSpec } from './testing/swarm-bench.ts';

const HOUR_MS = 3_600_000;

interface Refusal {
  readonly what: string;
  readonly config?: JsonObject;
  readonly context?: Partial<LaunchContext>;
  /** It waits for what does not come: its deadline passes when it has said so. */
  readonly waits?: boolean;
  readonly code: string;
  readonly words: RegExp;
}

const benches = new SwarmBenches();
afterAll(async () => {
  await benches[Symbol.asyncDispose]();
});

const images = [{ image: 'gp-test/kernel-py', name: 'Python', access: ['bob'] }];
const options = (given: object) => ({ env: { KERNEL_USER_OPTIONS: JSON.stringify(given) } });

const refusals: readonly Refusal[] = [
  {
    what: 'an image that no node has',
    config: { image_name: 'gp-test/nope:9' },
    code: 'IMAGE_NOT_FOUND',
    words: /gp-test\/nope:9/,
  },
  {
    what: 'an image that is not for this user',
    config: { images },
    code: 'FORBIDDEN',
    words: /"Python" is not for this/,
  },
  {
    what: 'an image that is not in the list',
    config: { images, use_user_options: true },
    context: { env: { KERNEL_IMAGE: 'evil/image' } },
    code: 'FORBIDDEN',
    words: /"evil\/image" is not in the list/,
  },
  { what: 'no network', config: { networks: [] }, code: 'INVALID_CONFIG', words: /networks or GP_DOCKER_NETWORK/ },
  {
    what: 'an unknown network',
    config: { networks: ['no-such-network'] },
    code: 'ENGINE_RESOURCE_NOT_FOUND',
    words: /no-such-network/,
  },
  {
    what: 'a configuration that is not there',
    config: { container_spec: { configs: ['no-such-config'] } },
    code: 'ENGINE_RESOURCE_NOT_FOUND',
    words: /no-such-config/,
  },
  {
    what: 'a secret that is not there',
    config: { container_spec: { secrets: ['no-such-secret'] } },
    code: 'ENGINE_RESOURCE_NOT_FOUND',
    words: /no-such-secret/,
  },
  {
    what: 'a mount whose source the node lacks',
    config: { mounts: [{ type: 'bind', source: '/no/such', target: '/data' }] },
    code: 'LAUNCH_FAILED',
    words: /refused the task: .*\/no\/such/,
  },
  {
    what: 'a driver of volumes that no node has',
    config: {
      mounts: [
        {
          type: 'volume',
          source: 'v',
          target: '/data',
          driver_config: { name: 'gp/sshfs', options: { sshcmd: 'a@b:', password: 'x' } },
        },
      ],
    },
    waits: true,
    code: 'LAUNCH_TIMEOUT',
    words: /scheduling: no suitable node \(missing plugin/,
  },
  {
    what: 'a placement that no node meets',
    config: { placement: { constraints: ['node.labels.gp.node==7'] } },
    waits: true,
    code: 'LAUNCH_TIMEOUT',
    words: /scheduling: no suitable node \(scheduling constraints not satisfied/,
  },
  {
    what: 'more of a resource than there is',
    config: { placement: {}, resource_spec: { generic_resources: { 'gp-gpu': 7 } } },
    waits: true,
    code: 'LAUNCH_TIMEOUT',
    words: /scheduling: no suitable node \(insufficient resources/,
  },
  {
    what: 'a user id that is prohibited, although the settings name it',
    config: { container_spec: { uid_gid: '0:0' } },
    code: 'FORBIDDEN',
    words: /KERNEL_UID 0 .*prohibited_uids/,
  },
  {
    what: 'a folder of the node that a request asks for',
    config: { use_user_options: true },
    context: options({ container_spec: { mounts: [{ type: 'bind', source: '/etc', target: '/x' }] } }),
    code: 'FORBIDDEN',
    words: /bind.* mount_types/,
  },
  {
    what: 'options that are none',
    config: { use_user_options: true },
    context: options({ containerspec: {} }),
    code: 'INVALID_ENV',
    words: /containerspec/,
  },
  {
    what: 'a program that the image lacks',
    context: { kernelSpec: swarmSpec(['/no/such']) },
    code: 'LAUNCH_FAILED',
    words: /no\/such/,
  },
  {
    what: 'a kernel that ends at once',
    config: { image_name: 'gp-test/kernel-crash' },
    context: { kernelSpec: shell('') },
    code: 'LAUNCH_FAILED',
    words: /code 3[^]*always fails/,
  },
  {
    what: 'a kernel that ends at once, whose log cannot be read',
    config: { image_name: 'gp-test/kernel-crash', log_driver: 'none' },
    context: { kernelSpec: shell('') },
    code: 'LAUNCH_FAILED',
    words: /exited with code 3 \[[^\n]*\]$/,
  },
];

describe('what cannot work is refused with its reason, and leaves nothing', () => {
  test.each(refusals)('$what', async ({ config = {}, context = {}, waits = false, code, words }) => {
    const clock = new SkippingClock();
    await using bench = await benches.open({ config, clock });
    const seen: LaunchProgress[] = [];
    const progress = (event: LaunchProgress): void => {
      seen.push(event);
      if (waits && words.test(`${event.phase}: ${event.message ?? ''}`)) clock.skip(HOUR_MS);
    };
    const deadline = clock.now() + (waits ? HOUR_MS : 90_000);
    const launch = bench.launch({ deadline, ...context }, { progress });
    await expect(launch).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
    expect(await bench.leftovers()).toEqual([]);
    if (waits) expect(seen.map(({ phase }) => phase)).toContain('scheduling');
  });

  test('a kernel that is out of memory', async () => {
    await using bench = await benches.open({ config: { resource_spec: { mem_limit: '32m' } } });
    const { manager } = await benches.view();
    // It lives until the engine has heard of the kill: of a container that has ended it learns no more.
    const kernelSpec = shell(
      'python3 -c "b = bytearray(200 << 20)"; until [ -e /tmp/end ]; do sleep 0.1; done; exit 137',
    );
    const context = bench.context({ kernelSpec });
    const filter = { types: ['container'], actions: ['oom'], labels: [`kernel_id=${context.kernelId}`] };
    const killed = new Promise<string>((resolve) => {
      const stop = manager.watch(filter, {
        onEvent: ({ id }) => {
          stop();
          resolve(id);
        },
      });
    });
    const failure = bench.provisioner.launch(context).catch((error: unknown) => error);
    const end = { path: '/tmp/end', content: '', mode: 0o644, uid: 0, gid: 0 };
    await manager.containers.putFiles(await killed, [end]);
    expect(await failure).toMatchObject({
      code: 'LAUNCH_FAILED',
      message: expect.stringContaining('out of memory'),
    });
    expect(await bench.leftovers()).toEqual([]);
  });

  test('a kernel that never calls home: LAUNCH_TIMEOUT at the deadline, with what it wrote', async () => {
    const clock = new SkippingClock();
    await using bench = await benches.open({ clock });
    const { manager } = await benches.view();
    const kernelSpec = shell('echo I am waiting for a friend; exec sleep 600');
    const context = bench.context({ kernelSpec, deadline: clock.now() + HOUR_MS });
    const phases: string[] = [];
    const failure = bench.provisioner
      .launch(context, { progress: ({ phase }) => phases.push(phase) })
      .catch((error: unknown) => error);
    await until('a task that waits', async () => {
      if (!phases.includes('connecting')) return false;
      return (await manager.services.logs(serviceName(context), { maxBytes: 100 })).includes('friend');
    });
    clock.skip(HOUR_MS);
    expect(await failure).toMatchObject({
      code: 'LAUNCH_TIMEOUT',
      message: expect.stringContaining('I am waiting for a friend'),
    });
    expect(await bench.leftovers()).toEqual([]);
  });

  test('an image that takes longer than there is: the launch says so, and the node stops fetching it', async () => {
    const clock = new SkippingClock();
    await using registry = await SilentRegistry.open(required('GP_SWARM_HOST_IP'));
    await using bench = await benches.open({ config: { image_name: `${registry.address}/gp-test/slow:1` }, clock });
    const seen: LaunchProgress[] = [];
    const failure = bench
      .launch({ deadline: clock.now() + HOUR_MS }, { progress: (event) => seen.push(event) })
      .catch((error: unknown) => error);
    await registry.until(true);
    const isToldOf = () => seen.some(({ phase, message }) => phase === 'pulling' && message?.startsWith('preparing'));
    await until('word of it', () => Promise.resolve(isToldOf()));
    clock.skip(HOUR_MS);
    expect(await failure).toMatchObject({
      code: 'LAUNCH_TIMEOUT',
      message: expect.stringMatching(/pulling: preparing/),
    });
    expect(await bench.leftovers()).toEqual([]);
    await registry.until(false);
  });

  test('a name that is taken by somebody else: a conflict, and theirs is left alone', async () => {
    await using bench = await benches.open();
    const { manager } = await benches.view();
    const context = bench.context();
    const name = serviceName(context);
    const image = 'gp-test/kernel-py';
    const id = await manager.services.create({ name, image, command: ['sleep', '600'], replicas: 0 });
    try {
      await expect(bench.provisioner.launch(context)).rejects.toMatchObject({ code: 'ENGINE_CONFLICT' });
      expect((await manager.services.inspect(id))?.name).toBe(name);
    } finally {
      await manager.services.remove(id);
    }
  });

  test('launchers that are told a loopback address', async () => {
    await using rendezvous = await createTestRendezvous();
    await using bench = await benches.open();
    await expect(bench.launch({ rendezvous })).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('127.0.0.1'),
    });
  });

  test.each([
    { what: 'is not there', host: 'unix:///nonexistent/docker.sock', code: 'ENGINE_UNAVAILABLE' },
    { what: 'manages no swarm', host: process.env['GP_DOCKER_NODE2_HOST'] ?? '', code: 'ENGINE_NOT_MANAGER' },
  ])('an engine that $what: at once, and list says that it could not be asked', async ({ host, code }) => {
    await using bench = await benches.open({ hostEnv: { DOCKER_HOST: host } });
    await expect(bench.launch()).rejects.toMatchObject({ code });
    expect(await bench.provisioner.list()).toEqual({ resources: [], unreachable: [host] });
  });
});
