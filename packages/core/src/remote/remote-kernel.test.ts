import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { KernelExit } from '../errors.ts';
import { ProvisionerError } from '../errors.ts';
import { attachRemoteKernel } from './attach-remote-kernel.ts';
import { envElsewhere } from './env-elsewhere.ts';
import { launcherPlaceholders } from './launcher-placeholders.ts';
import { parseRemoteState } from './remote-state.ts';
import { RemoteBench, connectionInfo } from './testing/remote-bench.ts';

const unreachable = (): Promise<never> => Promise.reject(new ProvisionerError('KERNEL_UNREACHABLE', 'no way'));

describe('a launch', () => {
  test('connects when the launcher answers, and stores first what exists, then how to reach it', async () => {
    const bench = new RemoteBench();
    const launching = bench.launch();
    await bench.created;
    expect(bench.checkpoints.map(({ resource, connection }) => [resource, connection])).toEqual([
      [{ id: 'r1' }, undefined],
    ]);
    bench.answer();
    const kernel = await launching;
    expect(kernel.connection.current.info).toEqual(connectionInfo);
    expect(bench.checkpoints.at(-1)).toEqual(kernel.state);
    expect(parseRemoteState(kernel.state)).toMatchObject({ kernelId: 'k1', comm: { port: 7000 }, interruptSignal: 2 });
    expect(bench.phases).toEqual(['starting', 'connecting']);
    await kernel[Symbol.asyncDispose]();
    expect(bench.resource.calls).toEqual(['dispose']);
    expect(bench.isExpecting).toBe(false);
  });

  test('fails with how the resource ended and its log, and leaves nothing', async () => {
    const bench = new RemoteBench();
    const launching = bench.launch();
    await bench.created;
    bench.resource.end({ reason: 'exited', exitCode: 3, logTail: 'no such module' });
    await expect(launching).rejects.toMatchObject({
      code: 'LAUNCH_FAILED',
      message: expect.stringMatching(/exited with code 3[^]*no such module/),
      exit: { exitCode: 3 },
    });
    expect(bench.resource.calls).toEqual(['logs', 'remove', 'dispose']);
  });

  test('that nobody answers ends at the deadline, with what was under way and the log', async () => {
    const bench = new RemoteBench({ timeoutMs: 30 });
    await expect(bench.launch()).rejects.toMatchObject({
      code: 'LAUNCH_TIMEOUT',
      message: expect.stringMatching(/deadline \(connecting: waiting for the launcher[^]*last words/),
    });
    expect(bench.resource.calls).toEqual(['logs', 'remove', 'dispose']);
    expect(bench.isExpecting).toBe(false);
  });

  test('that is aborted is removed although the signal has aborted', async () => {
    const bench = new RemoteBench();
    const controller = new AbortController();
    const launching = bench.launch({ signal: controller.signal });
    await bench.created;
    controller.abort();
    await expect(launching).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(bench.resource.removedWith?.aborted).toBe(false);
  });

  test('whose resource cannot be created passes the reason on', async () => {
    const bench = new RemoteBench({ create: () => Promise.reject(new Error('no such image')) });
    await expect(bench.launch()).rejects.toMatchObject({
      code: 'LAUNCH_FAILED',
      message: expect.stringMatching(/no such image/),
    });
    expect(bench.isExpecting).toBe(false);
  });

  test('whose resource cannot be removed says so', async () => {
    const bench = new RemoteBench();
    bench.resource.onRemove = () => Promise.reject(new Error('engine gone'));
    const launching = bench.launch();
    await bench.created;
    bench.resource.end({ reason: 'gone', logTail: '' });
    await expect(launching).rejects.toMatchObject({
      message: /is not there any more[^]*could not be removed: engine gone/,
    });
  });

  test('needs keys when encryption is required', async () => {
    const bench = new RemoteBench({ transportEncryption: 'required' });
    const launching = bench.launch();
    await bench.created;
    bench.answer();
    await expect(launching).rejects.toMatchObject({ code: 'ENCRYPTION_UNAVAILABLE' });
    expect(bench.resource.calls).toContain('remove');
  });

  test('takes another way than the launcher’s address', async () => {
    const dialed: unknown[] = [];
    const bench = new RemoteBench({
      way: {
        connect: (facts) =>
          Promise.resolve({
            connection: { info: { ...facts.connection, ip: '10.0.0.9' } },
            commHost: '10.0.0.9',
            dialComm: (address) => {
              dialed.push(address);
              return unreachable();
            },
          }),
      },
    });
    const launching = bench.launch();
    await bench.created;
    bench.answer();
    const kernel = await launching;
    expect(kernel.connection.current.info.ip).toBe('10.0.0.9');
    expect(bench.comm.openedWith).toMatchObject({ host: '10.0.0.9' });
    await kernel[Symbol.asyncDispose]();
  });
});

describe('a kernel', () => {
  test('is signalled by its launcher, and by the backend when that cannot be reached', async () => {
    const bench = new RemoteBench();
    await using kernel = await bench.running();
    await kernel.interrupt();
    expect(bench.comm.signals).toEqual([2]);
    bench.comm.onSignal = unreachable;
    await kernel.interrupt();
    bench.comm.onSignal = () => Promise.resolve(false);
    await kernel.signal(15);
    expect(bench.resource.calls).toEqual(['signal 2', 'signal 15']);
  });

  test('has ended when its launcher says so, whatever the backend thinks', async () => {
    const bench = new RemoteBench();
    await using kernel = await bench.running();
    expect(await kernel.liveness()).toBe('alive');
    const exit: KernelExit = { reason: 'exited', exitCode: 7, logTail: 'bye' };
    bench.comm.onStatus = () => Promise.resolve({ alive: false, exit, logTail: 'bye' });
    expect(await kernel.liveness()).toBe('dead');
    expect(await kernel.exited).toEqual(exit);
  });

  test('whose launcher cannot be asked is what the backend says', async () => {
    const bench = new RemoteBench();
    await using kernel = await bench.running();
    bench.comm.onStatus = unreachable;
    bench.resource.onLiveness = 'unreachable';
    expect(await kernel.liveness()).toBe('unreachable');
    bench.comm.onStatus = () => Promise.resolve(undefined);
    bench.comm.onAlive = false;
    bench.resource.onLiveness = 'alive';
    expect(await kernel.liveness()).toBe('alive');
  });

  test('is measured where the backend can, while it lives', async () => {
    const bench = new RemoteBench();
    await using kernel = await bench.running();
    expect(await kernel.stats?.()).toBeUndefined();
    const stats = { memoryBytes: 1, memoryLimitBytes: 2, cpuMs: 3, threads: 4 };
    bench.resource.stats = () => Promise.resolve(stats);
    expect(await kernel.stats?.()).toEqual(stats);
    bench.resource.end({ reason: 'exited', exitCode: 0, logTail: 'bye' });
    await kernel.exited;
    expect(await kernel.stats?.()).toBeUndefined();
  });

  test('that is gone from the backend is explained by its launcher', async () => {
    const bench = new RemoteBench();
    await using kernel = await bench.running();
    const exit: KernelExit = { reason: 'signalled', signal: 'SIGSEGV', logTail: 'core' };
    bench.comm.onStatus = () => Promise.resolve({ alive: false, exit, logTail: 'core' });
    bench.resource.end({ reason: 'gone', logTail: '' });
    expect(await kernel.exited).toEqual(exit);
  });

  test('that we end was killed; killing again changes nothing', async () => {
    const bench = new RemoteBench();
    const kernel = await bench.running();
    bench.comm.onStatus = unreachable;
    await kernel.terminate();
    bench.resource.end({ reason: 'signalled', signal: 'SIGTERM', logTail: 'x' });
    expect(await kernel.exited).toMatchObject({ reason: 'killed', signal: 'SIGTERM' });
    await kernel.kill();
    await kernel.kill();
    expect(bench.resource.calls).toEqual(['signal 15', 'remove', 'dispose']);
  });

  test('whose backend cannot be asked is ended by its launcher, and killing can be tried again', async () => {
    const bench = new RemoteBench();
    const kernel = await bench.running();
    bench.resource.onRemove = unreachable;
    await expect(kernel.kill()).rejects.toMatchObject({ code: 'KERNEL_UNREACHABLE' });
    expect(bench.comm.shutdowns).toBe(1);
    bench.resource.onRemove = () => Promise.resolve();
    await kernel.kill();
    expect(await kernel.exited).toMatchObject({ reason: 'killed' });
  });

  test('keeps its lease until it is let go of', async () => {
    const bench = new RemoteBench();
    const kernel = await bench.running();
    expect(bench.comm.leases).toBe(1);
    await kernel[Symbol.asyncDispose]();
    expect(bench.comm.leases).toBe(0);
  });
});

describe('attaching', () => {
  test('takes over what is there', async () => {
    const bench = new RemoteBench();
    const first = await bench.running();
    const state = first.state;
    await first[Symbol.asyncDispose]();
    const again = new RemoteBench();
    await using kernel = await attachRemoteKernel({ ...again.attachOptions, state });
    expect(kernel?.connection.current.info).toEqual(connectionInfo);
    expect(kernel?.state).toEqual(state);
    await kernel?.interrupt();
    expect(again.comm.signals).toEqual([2]);
  });

  test('is undefined for what is gone, and refuses what is another instance’s', async () => {
    const bench = new RemoteBench();
    const { state } = await bench.running();
    const open = (): Promise<undefined> => Promise.resolve(undefined);
    expect(await attachRemoteKernel({ ...bench.attachOptions, state, open })).toBeUndefined();
    await expect(attachRemoteKernel({ ...bench.attachOptions, state, instanceId: 'other' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  test('removes a resource that never became a kernel', async () => {
    const bench = new RemoteBench();
    const launching = bench.launch();
    await bench.created;
    const [state] = bench.checkpoints;
    if (state === undefined) throw new Error('no checkpoint');
    const again = new RemoteBench();
    expect(await attachRemoteKernel({ ...again.attachOptions, state })).toBeUndefined();
    expect(again.resource.calls).toEqual(['remove', 'dispose']);
    bench.answer();
    await (await launching)[Symbol.asyncDispose]();
  });

  test('any other JSON is refused by the names of its members, without their values', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const text: unknown = JSON.parse(JSON.stringify(value));
        expect(() => parseRemoteState(text as never)).toThrow(/not the state of a remote kernel: /);
      }),
    );
  });
});

test('placeholders hold nothing secret', () => {
  const bench = new RemoteBench();
  const values = launcherPlaceholders(bench.context, bench.parameters);
  expect(values).toEqual({
    kernel_id: 'k1',
    response_address: 'h:1',
    public_key: 'rsa',
    port_range: '0..0',
    transport_encryption: '',
    resource_dir: undefined,
  });
  expect(JSON.stringify(values)).not.toContain(bench.parameters.secret.launcherV2);
});

test('what describes this machine stays here, unless somebody set it for the kernel', () => {
  const { kernelSpec } = new RemoteBench().context;
  const hostEnv = { PATH: '/usr/bin', HOME: '/root', LANG: 'C' };
  const env = { ...hostEnv, HOME: '/home/of-the-request', KERNEL_X: '1' };
  const spec = { ...kernelSpec, env: { TMPDIR: '/scratch' } };
  const elsewhere = envElsewhere(
    { env: { ...env, TMPDIR: '/scratch' }, kernelSpec: spec },
    { ...hostEnv, TMPDIR: '/scratch' },
  );
  expect(Object.fromEntries(elsewhere)).toEqual({
    HOME: '/home/of-the-request',
    LANG: 'C',
    TMPDIR: '/scratch',
    KERNEL_X: '1',
    GP_LAUNCHER_LINGER_SECONDS: '0',
  });
});
