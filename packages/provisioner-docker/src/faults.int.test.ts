import { describe, expect, test } from '@jest/globals';
import type { JsonObject, LaunchContext, LaunchProgress } from '@gateway-provisioners/core';
import { SkippingClock, until } from '@gateway-provisioners/core/testing';
import { createTestRendezvous } from '@gateway-provisioners/testkit';
import { containersOf, launcherSpec, pythonLauncherArgv } from './testing/docker-bench.ts';
import { FaultBench, interruptedStatus } from './testing/fault-bench.ts';

interface Refusal {
  readonly what: string;
  readonly config?: JsonObject;
  readonly context?: Partial<LaunchContext>;
  readonly code: string;
  readonly words: RegExp;
}

const HOUR_MS = 3_600_000;
const shell = (script: string) => launcherSpec(['/bin/sh', '-c', script]);

const refusals: readonly Refusal[] = [
  {
    what: 'an image that nobody has',
    config: { image_name: '127.0.0.1:9/nope:1' },
    code: 'IMAGE_PULL_FAILED',
    words: /nope:1/,
  },
  {
    what: 'an image that the engine lacks and may not pull',
    config: { image_name: 'gp-test/nope:1', image_pull_policy: 'never' },
    code: 'IMAGE_NOT_FOUND',
    words: /gp-test\/nope:1/,
  },
  {
    what: 'an image that is not allowed',
    config: { allowed_images: ['gp-test/kernel-*'] },
    context: { env: { KERNEL_IMAGE: 'evil/gp-test/kernel-py' } },
    code: 'FORBIDDEN',
    words: /allowed_images/,
  },
  {
    what: 'an unknown network',
    config: { docker_network: 'no-such-network' },
    code: 'ENGINE_REFUSED',
    words: /no-such-network/,
  },
  {
    what: 'the network none',
    config: { docker_network: 'none' },
    // A launcher ends at once where there is no network, and may have when it is looked at.
    context: { kernelSpec: shell('exec sleep 600') },
    code: 'LAUNCH_FAILED',
    words: /no address in network none/,
  },
  {
    what: 'a mount whose source is missing',
    config: { volumes: ['/no/such:/data'] },
    code: 'ENGINE_REFUSED',
    words: /\/no\/such/,
  },
  {
    what: 'a volume whose driver the engine lacks',
    config: { mounts: [{ type: 'volume', source: 'gp-faults', target: '/data', driver: 'vieux/sshfs' }] },
    code: 'ENGINE_REFUSED',
    words: /vieux\/sshfs/,
  },
  {
    what: 'a user name that would be another path',
    config: { volumes: ['/home/{username}:/data'] },
    context: { owner: '../../etc' },
    code: 'FORBIDDEN',
    words: /user/,
  },
  {
    what: 'user id 0',
    context: { env: { KERNEL_UID: '0' } },
    code: 'FORBIDDEN',
    words: /KERNEL_UID 0 .*prohibited_uids/,
  },
  { what: 'user id 00', context: { env: { KERNEL_UID: ' 00 ' } }, code: 'FORBIDDEN', words: /KERNEL_UID 0/ },
  { what: 'group id 0', context: { env: { KERNEL_GID: '+0' } }, code: 'FORBIDDEN', words: /KERNEL_GID 0/ },
  { what: 'a user id that is none', context: { env: { KERNEL_UID: '0x0' } }, code: 'INVALID_ENV', words: /KERNEL_UID/ },
  {
    what: 'a user id beyond 32 bits',
    context: { env: { KERNEL_UID: '4294967296' } },
    code: 'INVALID_ENV',
    words: /KERNEL_UID/,
  },
  { what: 'a GPU where there is none', config: { gpus: 'all' }, code: 'ENGINE_REFUSED', words: /gpu/ },
  {
    what: 'more memory than is allowed',
    config: { memory: '256m' },
    context: { env: { KERNEL_MEMORY: '1Gi' } },
    code: 'FORBIDDEN',
    words: /KERNEL_MEMORY "1Gi" is too much/,
  },
  {
    what: 'a device that is not there',
    config: { devices: ['/dev/no-such'] },
    code: 'ENGINE_REFUSED',
    words: /no-such/,
  },
  {
    what: 'a program that the image lacks',
    context: { kernelSpec: launcherSpec(['/no/such']) },
    code: 'LAUNCH_FAILED',
    words: /no\/such/,
  },
  {
    what: 'a kernelspec of local kernels',
    context: { kernelSpec: launcherSpec(['python3', '-m', 'ipykernel_launcher', '-f', '{connection_file}']) },
    code: 'KERNELSPEC_INVALID',
    words: /connection_file/,
  },
  {
    what: 'a kernel that ends at once',
    config: { image_name: 'gp-test/kernel-crash' },
    context: { kernelSpec: shell('') },
    code: 'LAUNCH_FAILED',
    words: /code 3[^]*always fails/,
  },
  {
    what: 'a kernel that ends at once, whose log nobody keeps',
    config: { image_name: 'gp-test/kernel-crash', log_driver: 'none' },
    context: { kernelSpec: shell('') },
    code: 'LAUNCH_FAILED',
    words: /code 3(?![^]*always fails)/,
  },
];

describe('what cannot work is refused with its reason, and leaves nothing', () => {
  test.each(refusals)('$what', async ({ config = {}, context = {}, code, words }) => {
    await using bench = await FaultBench.open({ config });
    await expect(bench.launch(context)).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
    expect(await bench.leftovers()).toEqual([]);
  });

  test('no image at all; what the kernelspec itself names is one', async () => {
    await using bench = await FaultBench.open({ config: { image_name: undefined } });
    await expect(bench.launch()).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('image_name'),
    });
    const env = { KERNEL_IMAGE: 'gp-test/kernel-py' };
    const kernel = await bench.launch({ env, kernelSpec: { ...launcherSpec(pythonLauncherArgv), env } });
    await kernel.kill();
  });

  test('a kernel that is out of memory', async () => {
    await using bench = await FaultBench.open({ config: { memory: '32m' } });
    // It lives until the engine has heard of the kill: of a container that has ended it learns no more.
    const kernelSpec = shell(
      'python3 -c "b = bytearray(200 << 20)"; until [ -e /tmp/end ]; do sleep 0.1; done; exit 0',
    );
    const context = bench.context({ kernelSpec });
    const filter = { types: ['container'], actions: ['oom'], labels: [`kernel_id=${context.kernelId}`] };
    const killed = new Promise<string>((resolve) => {
      bench.engine.watch(filter, {
        onEvent: ({ id }) => {
          resolve(id);
        },
      });
    });
    const failure = bench.provisioner.launch(context).catch((error: unknown) => error);
    const end = { path: '/tmp/end', content: '', mode: 0o644, uid: 0, gid: 0 };
    await bench.engine.containers.putFiles(await killed, [end]);
    expect(await failure).toMatchObject({
      code: 'LAUNCH_FAILED',
      message: expect.stringContaining('out of memory'),
    });
    expect(await bench.leftovers()).toEqual([]);
  });

  test('a kernel that never calls home: LAUNCH_TIMEOUT at the deadline, with what it wrote', async () => {
    const clock = new SkippingClock();
    await using bench = await FaultBench.open({ clock });
    const kernelSpec = shell('echo I am waiting for a friend; exec sleep 600');
    const context = bench.context({ kernelSpec, deadline: clock.now() + HOUR_MS });
    const phases: string[] = [];
    const failure = bench.provisioner
      .launch(context, { progress: ({ phase }) => phases.push(phase) })
      .catch((error: unknown) => error);
    await until('a container that waits', async () => {
      if (!phases.includes('connecting')) return false;
      const [name = ''] = await containersOf(bench.engine, context);
      return (await bench.engine.containers.logs(name, { maxBytes: 100 })).includes('friend');
    });
    clock.skip(HOUR_MS);
    expect(await failure).toMatchObject({
      code: 'LAUNCH_TIMEOUT',
      message: expect.stringContaining('I am waiting for a friend'),
    });
    expect(await bench.leftovers()).toEqual([]);
  });

  test('a name that is taken by somebody else: a conflict, and theirs is left alone', async () => {
    await using bench = await FaultBench.open();
    const context = bench.context();
    const name = `alice-${context.kernelId}`;
    const id = await bench.engine.containers.create({ name, image: 'gp-test/kernel-py', command: ['true'] });
    await expect(bench.provisioner.launch(context)).rejects.toMatchObject({ code: 'ENGINE_CONFLICT' });
    expect((await bench.engine.containers.inspect(id))?.name).toBe(name);
    await bench.engine.containers.remove(id);
  });

  test('launchers that are told a loopback address', async () => {
    await using rendezvous = await createTestRendezvous();
    await using bench = await FaultBench.open({ rendezvous });
    await expect(bench.launch()).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('127.0.0.1'),
    });
  });

  test('an engine that is not there: at once, and list says that it could not be asked', async () => {
    const hostEnv = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
    await using bench = await FaultBench.open({ hostEnv });
    await expect(bench.launch()).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE', retryable: true });
    expect(await bench.provisioner.list()).toEqual({ resources: [], unreachable: ['unix:///nonexistent/docker.sock'] });
  });
});

describe('a kernel in a container', () => {
  test('is alone: no capabilities, no new privileges, its own user and groups, GP names of variables', async () => {
    await using bench = await FaultBench.open();
    const seen: LaunchProgress[] = [];
    const kernel = await bench.launch(
      // The image's own environment says python.
      { env: { KERNEL_UID: '2345', KERNEL_LANGUAGE: 'fortran' } },
      { progress: (event) => seen.push(event) },
    );
    const client = await bench.connect(kernel);
    const code = `
import os, json
with open(os.path.expanduser("~/kept"), "w") as file: file.write("x")
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(json.dumps({
  "uid": os.getuid(), "gid": os.getgid(), "groups": sorted(os.getgroups()), "caps": status["CapBnd"].strip(),
  "privileges": status["NoNewPrivs"].strip(), "names": sorted(os.environ), "secret": os.path.exists("/.gateway-provisioners/launcher-v2"),
  "user": os.environ["KERNEL_USERNAME"], "image": os.environ["KERNEL_IMAGE"], "language": os.environ["KERNEL_LANGUAGE"],
}))`;
    const facts: unknown = JSON.parse((await client.execute(code)).output);
    expect(facts).toMatchObject({
      uid: 2345,
      gid: 100,
      caps: '0000000000000000',
      privileges: '1',
      secret: false,
      user: 'alice',
      image: 'gp-test/kernel-py',
      language: 'fortran',
    });
    expect(facts).toMatchObject({
      names: expect.arrayContaining(['KERNEL_ID', 'KERNEL_UID', 'KERNEL_GID', 'GP_DOCKER_MODE']),
    });
    expect(facts).toMatchObject({ names: expect.not.arrayContaining(['GP_LAUNCHER_V2']) });
    expect(seen.map(({ phase }) => phase)).toEqual(['starting', 'connecting']);
    await kernel.kill();
  });

  test('says nothing secret in what the engine shows of it', async () => {
    await using bench = await FaultBench.open();
    const context = bench.context();
    const kernel = await bench.provisioner.launch(context);
    const [name = ''] = await containersOf(bench.engine, context);
    expect(name).toBe(`alice-${context.kernelId}`);
    const { key } = kernel.connection.current.info;
    expect(JSON.stringify(await bench.engine.containers.inspect(name))).not.toContain(key);
    expect(await bench.engine.containers.logs(name, { maxBytes: 100_000 })).not.toContain(key);
    await kernel.kill();
  });

  test.each(['gp-test/kernel-py', 'gp-test/kernel-gp'])(
    'a kernelspec made for launch_docker.py runs the bootstrap of %s',
    async (image) => {
      await using bench = await FaultBench.open({ config: { image_name: image } });
      const kernelSpec = launcherSpec([
        ...['python', '/opt/kernels/docker_python/scripts/launch_docker.py', '--kernel-id', '{kernel_id}'],
        ...['--public-key', '{public_key}', '--response-address', '{response_address}', '--port-range', '{port_range}'],
        ...['--kernel-class-name', 'ipykernel.ipkernel.IPythonKernel'],
      ]);
      const kernel = await bench.launch({ kernelSpec });
      const client = await bench.connect(kernel);
      expect((await client.execute('import os; print(os.environ["KERNEL_CLASS_NAME"])')).output).toBe(
        'ipykernel.ipkernel.IPythonKernel\n',
      );
      await kernel.kill();
    },
  );

  test.each(['gp-test/kernel-py', 'gp-test/kernel-gp'])(
    'of %s is reached at published ports, where its own address is of no use',
    async (image) => {
      await using bench = await FaultBench.open({ config: { image_name: image, publish_ports: true } });
      const kernel = await bench.launch();
      const { info } = kernel.connection.current;
      expect(info.ip).toBe('127.0.0.1');
      expect(await kernel.endpoint(9)).toBeUndefined();
      const client = await bench.connect(kernel);
      expect((await client.execute('kept = 1; print(6 * 7)')).output).toBe('42\n');
      expect(await interruptedStatus(kernel, client)).toBe('error');
      const attached = await bench.provisioner.attach(kernel.state);
      expect(attached?.connection.current.info).toEqual(info);
      expect(await attached?.liveness()).toBe('alive');
      await attached?.[Symbol.asyncDispose]();
      await kernel.kill();
    },
  );

  test('with a read-only root, limits, volumes and measurements', async () => {
    const mounts = [
      { type: 'tmpfs', target: '/tmp', mode: 0o1777 },
      { type: 'tmpfs', target: '/home/jovyan', mode: 0o1777, size: '64m' },
      { type: 'bind', source: '/usr/share', target: '/data', read_only: true },
    ];
    await using bench = await FaultBench.open({
      config: { read_only_root: true, mounts, memory: '512m', cpus: 1, pids_limit: 100 },
    });
    const kernel = await bench.launch();
    const client = await bench.connect(kernel);
    const code =
      'import os\nfor p in ("/x", "/data/x", "/tmp/x"):\n  try: open(p, "w"); print(p)\n  except OSError as e: print(e.errno)';
    expect((await client.execute(code)).output).toBe('30\n30\n/tmp/x\n');
    const before = await kernel.stats?.();
    expect(before).toMatchObject({ memoryLimitBytes: 512 << 20 });
    expect(before?.memoryBytes).toBeGreaterThan(1 << 20);
    expect(before?.threads).toBeGreaterThan(1);
    await client.execute('import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass');
    const after = await kernel.stats?.();
    expect((after?.cpuMs ?? 0) - (before?.cpuMs ?? 0)).toBeGreaterThanOrEqual(490);
    await kernel.kill();
    expect(await kernel.stats?.()).toBeUndefined();
  });

  test('whose memory runs out ends as oom, where the request itself chose how much', async () => {
    await using bench = await FaultBench.open({ config: { memory: '4g', cpus: 2 } });
    const kernel = await bench.launch({ env: { KERNEL_MEMORY: '160Mi', KERNEL_CPUS: '1500m' } });
    const client = await bench.connect(kernel);
    client.execute('b = bytearray(400 << 20)').catch(() => undefined);
    expect(await kernel.exited).toMatchObject({ reason: 'oom' });
    await kernel.kill();
  });

  test('that is removed behind our back is gone, and dead', async () => {
    await using bench = await FaultBench.open();
    const context = bench.context();
    const kernel = await bench.provisioner.launch(context);
    const [name = ''] = await containersOf(bench.engine, context);
    await bench.engine.containers.remove(name);
    expect((await kernel.exited).reason).toMatch(/gone|signalled/);
    expect(await kernel.liveness()).toBe('dead');
    await kernel.kill();
  });

  test('is interrupted by the engine where its launcher cannot be reached', async () => {
    await using bench = await FaultBench.open({ config: { launcher_protocol: 1, image_name: 'gp-test/kernel-gp' } });
    const kernel = await bench.launch({ kernelSpec: launcherSpec(pythonLauncherArgv) });
    const client = await bench.connect(kernel);
    // The listener of a version 1 launcher is a child of the kernel. Its port is closed when it is gone.
    const code = `
import psutil
children = psutil.Process().children(recursive=True)
for child in children: child.kill()
psutil.wait_procs(children, timeout=60)`;
    await client.execute(code).catch(() => undefined);
    expect(await interruptedStatus(kernel, client)).toBe('error');
    await kernel.kill();
  });
});
