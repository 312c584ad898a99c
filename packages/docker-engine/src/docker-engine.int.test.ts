import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { isProvisionerError } from '@gateway-provisioners/core';
import type { ContainerSpec, EngineEvent, PullProgress } from './index.ts';
import { openDockerEngine } from './index.ts';
import { deferred } from './testing/deferred.ts';
import { TestEngine } from './testing/test-engine.ts';

const nowhere = { configDir: '/nonexistent', env: {} };
const awkward = {
  QUOTES: `'"\\`,
  SHELL_WORDS: '$(id) `id` ; rm -rf /',
  LINES: 'a\nb\n',
  EQUALS: 'a=b==',
  UNICODE: 'ü☃',
};

describe('engine', () => {
  test('answers with a version that both sides know', async () => {
    await using bed = await TestEngine.open();
    await bed.engine.ping();
    const { version, apiVersion, os } = await bed.engine.version();
    expect(version).toMatch(/^\d+\./);
    expect(apiVersion).toMatch(/^1\.\d+$/);
    expect(os).toBe('linux');
  });

  test('that is not there is ENGINE_UNAVAILABLE, and says where it was looked for', async () => {
    const engine = openDockerEngine({ transport: { kind: 'unix', path: '/nonexistent/docker.sock' }, ...nowhere });
    await expect(engine.ping()).rejects.toMatchObject({
      code: 'ENGINE_UNAVAILABLE',
      retryable: true,
      message: expect.stringContaining('unix:///nonexistent/docker.sock'),
    });
    await expect(engine.containers.list({ labels: [] })).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    await engine[Symbol.asyncDispose]();
  });

  test('that does not answer is DEADLINE_EXCEEDED at the bound, and an abort is CANCELLED at once', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as AddressInfo;
    const engine = openDockerEngine({ transport: { kind: 'tcp', host: '127.0.0.1', port }, ...nowhere });
    await expect(engine.ping({ timeoutMs: 200 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    const controller = new AbortController();
    const pinging = engine.ping({ signal: controller.signal });
    controller.abort();
    await expect(pinging).rejects.toMatchObject({ code: 'CANCELLED' });
    await engine[Symbol.asyncDispose]();
    silent.closeAllConnections();
    silent.close();
  });

  test('that is not an engine is an error of ours', async () => {
    const server = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const engine = openDockerEngine({ transport: { kind: 'tcp', host: '127.0.0.1', port }, ...nowhere });
    await expect(engine.ping()).rejects.toMatchObject({ code: 'PROTOCOL_ERROR' });
    await engine[Symbol.asyncDispose]();
    server.closeAllConnections();
    server.close();
  });
});

describe('containers', () => {
  test('env, labels, command, user, folder and host name arrive as they are', async () => {
    await using bed = await TestEngine.open();
    const { containers } = bed.engine;
    const script =
      'python3 -c "import os, json; print(json.dumps([dict(os.environ), os.getuid(), os.getgid(), os.getcwd()]))"';
    const id = await bed.run({ env: awkward, user: '1234:100', workingDir: '/tmp', hostname: 'a-host' }, script);
    expect(await containers.wait(id)).toBe(0);
    const [env, ...rest] = JSON.parse(await containers.logs(id, { maxBytes: 16_384 })) as unknown[];
    expect(env).toMatchObject({ ...awkward, HOSTNAME: 'a-host' });
    expect(rest).toEqual([1234, 100, '/tmp']);
    const details = await containers.inspect(id);
    expect(details).toMatchObject({ id, state: { status: 'exited', exitCode: 0, oomKilled: false } });
    expect(details?.labels['gp.test']).toBe(bed.label.slice('gp.test='.length));
  });

  test('run with the limits that were asked for, which the engine knows', async () => {
    await using bed = await TestEngine.open();
    const { containers } = bed.engine;
    const resources = {
      memoryBytes: 64 << 20,
      memorySwapBytes: 64 << 20,
      cpus: 0.5,
      shmBytes: 8 << 20,
      pidsLimit: 50,
      ulimits: [{ name: 'nofile', soft: 256, hard: 512 }],
    };
    const mounts = [{ type: 'tmpfs', target: '/scratch', sizeBytes: 1 << 20 }] as const;
    const script = 'ulimit -Sn; ulimit -Hn; df -k /dev/shm /scratch | awk "NR>1 {print \\$2}"; touch /x; echo $?';
    const spec = {
      resources,
      mounts,
      readOnlyRoot: true,
      init: true,
      capDrop: ['ALL'],
      securityOptions: ['no-new-privileges'],
    };
    const id = await bed.run(spec, script);
    expect(await containers.wait(id)).toBe(0);
    const lines = (await containers.logs(id, { maxBytes: 16_384 })).split('\n');
    expect(lines.filter((line) => /^\d+$/.test(line))).toEqual(['256', '512', '8192', '1024', '1']);
    expect(lines.join('\n')).toContain('Read-only file system');
    const running = await bed.runUntilReady({ resources });
    expect(await containers.stats(running)).toMatchObject({ memoryLimitBytes: 64 << 20, pids: 1 });
  });

  test('logs: the last bytes of both streams, cut at a character', async () => {
    await using bed = await TestEngine.open();
    const { containers } = bed.engine;
    const id = await bed.run({}, 'i=0; while [ $i -lt 300 ]; do echo "out $i"; echo "ürr $i" >&2; i=$((i+1)); done');
    await containers.wait(id);
    const log = await containers.logs(id, { maxBytes: 16_384 });
    expect(log).toContain('out 0\n');
    expect(log).toContain('ürr 299\n');
    const tail = await containers.logs(id, { maxBytes: 20 });
    expect(Buffer.byteLength(tail)).toBeLessThanOrEqual(20);
    expect(log.endsWith(tail)).toBe(true);
    expect(await containers.logs(id, { maxBytes: 0 })).toBe('');
  });

  test('are ended by a signal or a stop, and what does not run answers false', async () => {
    await using bed = await TestEngine.open();
    const { containers } = bed.engine;
    const id = await bed.runUntilReady({ init: true });
    expect(await containers.kill(id, 'SIGTERM')).toBe(true);
    expect(await containers.wait(id)).toBe(143);
    expect(await containers.kill(id, 9)).toBe(false);
    expect(await containers.stop(id, 1)).toBe(false);
    const stubborn = await bed.runUntilReady({}, 'trap "" TERM; echo ready; sleep 600');
    expect(await containers.stop(stubborn, 1)).toBe(true);
    expect((await containers.inspect(stubborn))?.state.exitCode).toBe(137);
  });

  test('that are gone: inspect, stats and wait are undefined, kill and stop false, logs empty, remove succeeds', async () => {
    await using bed = await TestEngine.open();
    const { containers } = bed.engine;
    const id = await bed.run();
    await Promise.all([containers.remove(id), containers.remove(id), containers.remove(id)]);
    await containers.remove(id);
    expect(await containers.inspect(id)).toBeUndefined();
    expect(await containers.stats(id)).toBeUndefined();
    expect(await containers.wait(id)).toBeUndefined();
    expect(await containers.kill(id, 9)).toBe(false);
    expect(await containers.stop(id, 1)).toBe(false);
    expect(await containers.logs(id, { maxBytes: 100 })).toBe('');
    await expect(containers.start(id)).rejects.toMatchObject({ code: 'ENGINE_REFUSED', coordinates: { status: 404 } });
  });

  test('starting twice succeeds, and a name that is no id is not a path', async () => {
    await using bed = await TestEngine.open();
    const { containers } = bed.engine;
    const id = await bed.run();
    await containers.start(id);
    for (const name of [`${id}/json?x=`, '../images/json', '..', '.', '', 'a b', 'ü']) {
      await expect(containers.inspect(name)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      await expect(bed.engine.images.inspect(name)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
  });

  test('are found by all of their labels, running or not', async () => {
    await using bed = await TestEngine.open();
    const { containers } = bed.engine;
    const one = await bed.run({ name: 'gp-test-list-one' });
    const two = await containers.create(bed.spec());
    const found = await containers.list({ labels: [bed.label] });
    expect(new Set(found.map(({ id }) => id))).toEqual(new Set([one, two]));
    expect(found.find(({ id }) => id === one)).toMatchObject({ name: 'gp-test-list-one', status: 'running' });
    expect(await containers.list({ labels: [bed.label, 'no.such.label'] })).toEqual([]);
    expect(await containers.list({ labels: [bed.label.slice(0, -1)] })).toEqual([]);
  });

  test('files are put into what does not run yet, with owner and permissions', async () => {
    await using bed = await TestEngine.open();
    const { containers } = bed.engine;
    const id = await containers.create(
      bed.spec({ user: '1000:100' }, 'stat -c "%a %u %g" /tmp/secret; cat /tmp/secret'),
    );
    await containers.putFiles(id, [{ path: '/tmp/secret', content: 'täken\n', mode: 0o400, uid: 1000, gid: 100 }]);
    await containers.start(id);
    expect(await containers.wait(id)).toBe(0);
    expect(await containers.logs(id, { maxBytes: 1000 })).toBe('400 1000 100\ntäken\n');
  });
});

describe('what the engine refuses', () => {
  const cases: readonly { what: string; spec: Partial<ContainerSpec>; code?: string; words: string }[] = [
    { what: 'a missing image', spec: { image: 'gp-test/nope:1' }, code: 'IMAGE_NOT_FOUND', words: 'gp-test/nope:1' },
    {
      what: 'a volume driver that it lacks',
      spec: { mounts: [{ type: 'volume', target: '/v', source: 'vv', driver: 'vieux/sshfs' }] },
      words: 'vieux/sshfs',
    },
    {
      what: 'a mount whose source is missing',
      spec: { mounts: [{ type: 'bind', source: '/no/such', target: '/v' }] },
      words: '/no/such',
    },
    { what: 'too little memory', spec: { resources: { memoryBytes: 1000 } }, words: 'memory' },
    { what: 'more processors than there are', spec: { resources: { cpus: 4000 } }, words: 'CPUs' },
    { what: 'a network that it lacks', spec: { network: 'no-such-network' }, words: 'no-such-network' },
    { what: 'a GPU where there is none', spec: { resources: { gpus: { count: 'all' } } }, words: 'gpu' },
    { what: 'a program that the image lacks', spec: { entrypoint: ['/no/such/program'] }, words: '/no/such/program' },
  ];

  test.each(cases)('$what', async ({ spec, code = 'ENGINE_REFUSED', words }) => {
    await using bed = await TestEngine.open();
    await expect(bed.run(spec)).rejects.toMatchObject({ code, message: expect.stringContaining(words) });
  });

  test('a name that is taken is ENGINE_CONFLICT', async () => {
    await using bed = await TestEngine.open();
    const name = 'gp-test-conflict';
    await bed.run({ name });
    await expect(bed.run({ name })).rejects.toMatchObject({
      code: 'ENGINE_CONFLICT',
      message: expect.stringContaining(name),
    });
  });
});

describe('images and networks', () => {
  test('inspect: what is there, and what is not', async () => {
    await using bed = await TestEngine.open();
    expect(await bed.engine.images.inspect('gp-test/kernel-gp')).toMatchObject({
      command: ['/usr/local/bin/bootstrap-kernel.sh'],
    });
    expect(await bed.engine.images.inspect('gp-test/nope:1')).toBeUndefined();
    const bridge = await bed.engine.networks.inspect('bridge');
    expect(bridge).toMatchObject({ name: 'bridge', driver: 'bridge', scope: 'local' });
    expect(bridge?.gateways[0]).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
    expect(await bed.engine.networks.inspect('no-such-network')).toBeUndefined();
  });

  test('a pull from a registry that nobody can reach is IMAGE_PULL_FAILED with its name and the reason', async () => {
    await using bed = await TestEngine.open();
    const seen: PullProgress[] = [];
    const pulling = bed.engine.images.pull('127.0.0.1:9/some/image:2', { progress: (progress) => seen.push(progress) });
    await expect(pulling).rejects.toMatchObject({
      code: 'IMAGE_PULL_FAILED',
      message: expect.stringMatching(/127\.0\.0\.1:9\/some\/image:2.*refused/s),
    });
  });

  test('an image that cannot be one is refused', async () => {
    await using bed = await TestEngine.open();
    const error: unknown = await bed.engine.images.pull('Not An Image').catch((reason: unknown) => reason);
    expect(isProvisionerError(error, 'IMAGE_PULL_FAILED')).toBe(true);
  });
});

describe('events', () => {
  test('of containers with the label, in order, until cancelled', async () => {
    await using bed = await TestEngine.open();
    const seen: EngineEvent[] = [];
    const died = deferred<EngineEvent>();
    const connected = deferred<undefined>();
    const cancel = bed.engine.watch(
      { types: ['container'], labels: [bed.label] },
      {
        onConnected: () => {
          connected.resolve(undefined);
        },
        onEvent: (event) => {
          seen.push(event);
          if (event.action === 'die') died.resolve(event);
        },
      },
    );
    await connected.promise;
    await bed.run({}, 'exit 3');
    const { attributes, timeNs } = await died.promise;
    expect(attributes['exitCode']).toBe('3');
    expect(Math.abs(Number(timeNs / 1_000_000n) - Date.now())).toBeLessThan(60_000);
    // One may come twice.
    expect([...new Set(seen.map(({ action }) => action))]).toEqual(['create', 'start', 'die']);
    cancel();
    cancel();
  });

  test('an out-of-memory kill: the event, and the state that tells it whatever the exit code', async () => {
    await using bed = await TestEngine.open();
    const { containers } = bed.engine;
    const [connected, killed] = [deferred<undefined>(), deferred<string>()];
    bed.engine.watch(
      { types: ['container'], actions: ['oom'], labels: [bed.label] },
      {
        onConnected: () => {
          connected.resolve(undefined);
        },
        onEvent: ({ id: which }) => {
          killed.resolve(which);
        },
      },
    );
    await connected.promise;
    const memory = 32 << 20;
    const resources = { memoryBytes: memory, memorySwapBytes: memory };
    // It lives until the engine has heard of the kill: of one that has ended the engine learns no more.
    const eater = `python3 -c "b = bytearray(200 << 20)"; until [ -e /tmp/end ]; do sleep 0.1; done; exit 0`;
    const id = await bed.run({ resources }, eater);
    expect(await killed.promise).toBe(id);
    await containers.putFiles(id, [{ path: '/tmp/end', content: '', mode: 0o644, uid: 0, gid: 0 }]);
    expect(await containers.wait(id)).toBe(0);
    expect((await containers.inspect(id))?.state).toMatchObject({ oomKilled: true, exitCode: 0 });
  });
});
