import { afterAll, describe, expect, test } from '@jest/globals';
import type { JsonObject, LaunchContext, LaunchProgress } from '@gateway-provisioners/core';
import { createTestRendezvous } from '@gateway-provisioners/testkit';
import { serviceName } from './service/service-name.ts';
import { SilentRegistry } from './testing/silent-registry.ts';
import { SwarmBenches, required, shell, swarmSpec } from './testing/swarm-bench.ts';

interface Refusal {
  readonly what: string;
  readonly config?: JsonObject;
  readonly context?: Partial<LaunchContext>;
  /** Milliseconds until the launch's deadline. */
  readonly timeoutMs?: number;
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
    timeoutMs: 4_000,
    code: 'LAUNCH_TIMEOUT',
    words: /scheduling: no suitable node \(missing plugin/,
  },
  {
    what: 'a placement that no node meets',
    config: { placement: { constraints: ['node.labels.gp.node==7'] } },
    timeoutMs: 4_000,
    code: 'LAUNCH_TIMEOUT',
    words: /scheduling: no suitable node \(scheduling constraints not satisfied/,
  },
  {
    what: 'more of a resource than there is',
    config: { placement: {}, resource_spec: { generic_resources: { 'gp-gpu': 7 } } },
    timeoutMs: 4_000,
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
  {
    what: 'a kernel that is out of memory',
    config: { resource_spec: { mem_limit: '32m' } },
    context: { kernelSpec: shell('python3 -c "b = bytearray(200 << 20)"; exit 137') },
    code: 'LAUNCH_FAILED',
    words: /out of memory/,
  },
  {
    what: 'a kernel that never calls home',
    context: { kernelSpec: shell('echo I am waiting for a friend; exec sleep 600') },
    timeoutMs: 8_000,
    code: 'LAUNCH_TIMEOUT',
    words: /I am waiting for a friend/,
  },
];

describe('what cannot work is refused with its reason, and leaves nothing', () => {
  test.each(refusals)('$what', async ({ config = {}, context = {}, timeoutMs = 90_000, code, words }) => {
    await using bench = await benches.open({ config });
    const seen: LaunchProgress[] = [];
    const launch = bench.launch(
      { deadline: Date.now() + timeoutMs, ...context },
      { progress: (event) => seen.push(event) },
    );
    await expect(launch).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
    expect(await bench.leftovers()).toEqual([]);
    if (words.source.includes('no suitable node')) expect(seen.map(({ phase }) => phase)).toContain('scheduling');
  });

  test('an image that takes longer than there is: the launch says so, and the node stops fetching it', async () => {
    await using registry = await SilentRegistry.open(required('GP_SWARM_HOST_IP'));
    await using bench = await benches.open({ config: { image_name: `${registry.address}/gp-test/slow:1` } });
    const seen: LaunchProgress[] = [];
    const asked = registry.until(true);
    const launch = bench.launch({ deadline: Date.now() + 8_000 }, { progress: (event) => seen.push(event) });
    await expect(launch).rejects.toMatchObject({
      code: 'LAUNCH_TIMEOUT',
      message: expect.stringMatching(/pulling: preparing/),
    });
    expect(seen.map(({ phase }) => phase)).toContain('pulling');
    await asked;
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
