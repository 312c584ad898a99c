import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, test } from '@jest/globals';
import type { LaunchProgress } from '@gateway-provisioners/core';
import { serviceName } from './service/service-name.ts';
import { SwarmBenches, onWorker, required, swarmSpec, withoutListener } from './testing/swarm-bench.ts';

const benches = new SwarmBenches();
afterAll(async () => {
  await benches[Symbol.asyncDispose]();
});

/** What `print(json.dumps(facts))` showed. */
const facts = (output: string): unknown => JSON.parse(output);

describe('a kernel that is a service', () => {
  test('runs as its user, without capabilities, with what requests say as data and templates of the settings', async () => {
    await using bench = await benches.open({
      config: {
        container_spec: {
          env: { NODE: '{{.Node.Hostname}}', WHO: '{username}', BOTH: '{{.Service.Name}} {kernel_name}' },
          labels: { team: 'a' },
        },
        service_prefix: 'notebooks',
        ulimits: ['nofile=1000:2000'],
      },
    });
    const context = bench.context({
      env: { KERNEL_UID: '2345', HOME: '/tmp', TRICKY: '{{.Node.Hostname}} {{ $(id)\n=' },
    });
    const seen: LaunchProgress[] = [];
    const kernel = await bench.provisioner.launch(context, { progress: (event) => seen.push(event) });
    const client = await bench.connect(kernel);
    const code = `
import os, json, resource
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
secret = "/run/secrets/gateway-provisioners-launcher-v2"
print(json.dumps({
  "uid": os.getuid(), "gid": os.getgid(), "groups": sorted(os.getgroups()), "caps": status["CapBnd"].strip(),
  "tricky": os.environ["TRICKY"], "node": os.environ["NODE"], "who": os.environ["WHO"], "both": os.environ["BOTH"],
  "files": resource.getrlimit(resource.RLIMIT_NOFILE),
  "mode": os.environ["GP_DOCKER_MODE"], "names": sorted(os.environ), "secret": oct(os.stat(secret).st_mode & 0o777),
}))`;
    const name = serviceName(context, 'notebooks');
    expect(facts((await client.execute(code)).output)).toEqual({
      uid: 2345,
      gid: 100,
      groups: [100],
      caps: '0000000000000000',
      tricky: '{{.Node.Hostname}} {{ $(id)\n=',
      node: 'gp-node1',
      who: 'alice',
      both: `${name} swarm_python`,
      mode: 'swarm',
      files: [1000, 2000],
      secret: '0o400',
      names: expect.arrayContaining(['KERNEL_ID', 'KERNEL_UID', 'KERNEL_GID', 'KERNEL_LANGUAGE']),
    });
    const phases = seen.map(({ phase }) => phase);
    expect(phases[0]).toBe('queued');
    expect(phases.at(-1)).toBe('connecting');

    const { manager } = await benches.view();
    const service = await manager.services.inspect(name);
    expect(service?.labels).toMatchObject({ kernel_id: context.kernelId, component: 'kernel' });
    expect(service?.containerLabels).toMatchObject({ team: 'a', kernel_id: context.kernelId });
    // What the managers show to whoever asks is not secret.
    expect(JSON.stringify(service)).not.toContain(kernel.connection.current.info.key);
    await kernel.kill();
    expect(await bench.leftovers()).toEqual([]);
  });

  test('of a kernelspec made for launch_docker.py runs the bootstrap of the image', async () => {
    await using bench = await benches.open({ config: { image_name: 'gp-test/kernel-gp' } });
    const kernelSpec = swarmSpec([
      ...['python', '/opt/kernels/docker_python/scripts/launch_docker.py', '--kernel-id', '{kernel_id}'],
      ...['--public-key', '{public_key}', '--response-address', '{response_address}', '--port-range', '{port_range}'],
    ]);
    const kernel = await bench.launch({ kernelSpec });
    const client = await bench.connect(kernel);
    expect((await client.execute('print(6 * 7)')).output).toBe('42\n');
    await kernel.kill();
  });

  test('has configurations, secrets, and volumes, of which those with autoremove go with it', async () => {
    const id = randomUUID().slice(0, 8);
    const [config, secret, keep] = [`gp-test-config-${id}`, `gp-test-secret-${id}`, `gp-test-keep-${id}`];
    const { manager } = await benches.view();
    await manager.configs.create({ name: config, content: 'a setting' });
    await manager.secrets.create({ name: secret, content: 'a password' });
    try {
      await using bench = await benches.open({
        config: {
          container_spec: {
            configs: [{ config_name: config, filename: '/etc/settings' }],
            secrets: [{ secret_name: secret, uid: 1000, mode: 0o400 }],
            mounts: [
              { type: 'volume', source: keep, target: '/keep' },
              {
                type: 'volume',
                source: `gp-test-{name}-${id}`,
                target: '/home/jovyan',
                labels: { autoremove: 'True' },
              },
              { type: 'volume', source: '', target: '/nameless' },
              { type: 'tmpfs', target: '/scratch', tmpfs_size: '8m', tmpfs_mode: 0o1777 },
            ],
          },
        },
      });
      const kernel = await bench.launch();
      const client = await bench.connect(kernel);
      const code = `
import json, os
open("/home/jovyan/x", "w").close(); open("/scratch/x", "w").close()
print(json.dumps({"config": open("/etc/settings").read(), "secret": open("/run/secrets/${secret}").read(),
  "disks": [os.path.ismount(p) for p in ("/keep", "/home/jovyan", "/nameless", "/scratch")]}))`;
      expect(facts((await client.execute(code)).output)).toEqual({
        config: 'a setting',
        secret: 'a password',
        disks: [true, true, true, true],
      });
      const volumes = kernel.state['resource'];
      expect(volumes).toMatchObject({ volumes: [expect.stringMatching(new RegExp(`^gp-test-[0-9a-f]{12}-${id}$`))] });
      const found = async () =>
        (await manager.volumes.list()).map(({ name }) => name).filter((name) => name.endsWith(id));
      expect(await found()).toHaveLength(2);
      await kernel.kill();
      expect(await found()).toEqual([keep]);
    } finally {
      await manager.volumes.remove(keep);
      await manager.configs.remove(config);
      await manager.secrets.remove(secret);
    }
  });

  test('has what the user chose, within the policy', async () => {
    await using bench = await benches.open({
      config: {
        image_name: undefined,
        dockerimages: [
          { image: 'gp-test/nope:1', name: 'Default' },
          { image: 'gp-test/kernel-py', name: 'Chosen', access: ['alice'], env: { OF: 'the image' } },
        ],
        use_user_options: true,
        resource_spec: { mem_limit: '1g' },
      },
    });
    const chosen = {
      user_selected_image: 'Chosen',
      container_spec: {
        env: { MINE: '{{.Node.ID}}' },
        mounts: [{ type: 'volume', source: '{name}-work', target: '/work', labels: { autoremove: 'True' } }],
      },
    };
    const env = { KERNEL_USER_OPTIONS: JSON.stringify(chosen), KERNEL_MEMORY_LIMIT: '600Mi' };
    const kernel = await bench.launch({ env });
    const client = await bench.connect(kernel);
    const code = `
import json, os, glob
limit = [open(p).read().strip() for p in glob.glob("/sys/fs/cgroup/memory/memory.limit_in_bytes") + glob.glob("/sys/fs/cgroup/memory.max")]
print(json.dumps({"of": os.environ["OF"], "mine": os.environ["MINE"], "work": os.path.ismount("/work"), "limit": limit}))`;
    expect(facts((await client.execute(code)).output)).toEqual({
      of: 'the image',
      mine: '{{.Node.ID}}',
      work: true,
      limit: [String(600 * 1024 ** 2)],
    });
    await kernel.kill();
  });

  test('whose memory runs out ends as oom', async () => {
    await using bench = await benches.open({ config: { resource_spec: { mem_limit: '160m' } } });
    const kernel = await bench.launch();
    const client = await bench.connect(kernel);
    client.execute('b = bytearray(400 << 20)').catch(() => undefined);
    expect(await kernel.exited).toMatchObject({ reason: 'oom' });
    await kernel.kill();
  });

  test('is interrupted by the engine of its node where its launcher cannot be reached', async () => {
    await using bench = await benches.open({ config: { image_name: 'gp-test/kernel-gp', launcher_protocol: 1 } });
    const kernel = await bench.launch();
    const client = await bench.connect(kernel);
    await client.execute(withoutListener).catch(() => undefined);
    const code = 'print("runs", flush=True)\nimport time; time.sleep(600)';
    const { reply } = await client.begin(code, { timeoutMs: 60_000 });
    await kernel.interrupt();
    expect((await reply).content).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });
    await kernel.kill();
    expect(await bench.leftovers()).toEqual([]);
  });

  test('that is removed behind our back is gone, and dead', async () => {
    await using bench = await benches.open();
    const context = bench.context();
    const kernel = await bench.provisioner.launch(context);
    const { manager } = await benches.view();
    await manager.services.remove(serviceName(context));
    expect((await kernel.exited).reason).toMatch(/gone|signalled|evicted|exited/);
    expect(await kernel.liveness()).toBe('dead');
    await kernel.kill();
    expect(await bench.leftovers()).toEqual([]);
  });
});

describe('a kernel on a node whose engine is not the manager', () => {
  test('is reached where its launcher answered from; logs and end come through the manager', async () => {
    await using bench = await benches.open({
      config: {
        ...onWorker,
        use_user_options: true,
        gpu_resource: 'gp-gpu',
        user_options_policy: { max_resource_spec: { generic_resources: { 'gp-gpu': 1 } } },
      },
    });
    const kernel = await bench.launch({ env: { KERNEL_GPUS: '1' } });
    expect(kernel.connection.current.info.ip).toBe(required('GP_SWARM_NODE2_IP'));
    const client = await bench.connect(kernel);
    const { output } = await client.execute(
      'import os; os.write(2, b"on the other node"); print(os.environ["DOCKER_RESOURCE_GP-GPU"] != "")',
    );
    expect(output).toContain('True');
    await kernel.signal(9);
    const exit = await kernel.exited;
    expect(exit).toMatchObject({ reason: 'killed' });
    expect(exit.logTail).toContain('on the other node');
    await kernel.kill();
    expect(await bench.leftovers()).toEqual([]);
  });

  test('whose launcher is gone cannot be interrupted, and says so; it can be ended', async () => {
    await using bench = await benches.open({
      config: { ...onWorker, image_name: 'gp-test/kernel-gp', launcher_protocol: 1 },
    });
    const kernel = await bench.launch();
    const client = await bench.connect(kernel);
    await client.execute(withoutListener).catch(() => undefined);
    await expect(kernel.signal(12)).rejects.toMatchObject({
      code: 'KERNEL_UNREACHABLE',
      message: expect.stringContaining('the engine of its node cannot be reached'),
    });
    await kernel.terminate();
    expect((await kernel.exited).reason).toBe('killed');
    await kernel.kill();
    expect(await bench.leftovers()).toEqual([]);
  });
});
