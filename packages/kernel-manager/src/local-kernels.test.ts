import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  ProvisionerRegistry,
  identifyProcess,
  isSameProcess,
  noRendezvous,
  silentLogger,
  systemClock,
} from '@gateway-provisioners/core';
import type { Logger } from '@gateway-provisioners/core';
import { SkippingClock, until as untilTrue } from '@gateway-provisioners/core/testing';
import { localProvisioner } from '@gateway-provisioners/provisioner-local';
import { fakeKernelSpec } from '@gateway-provisioners/testkit';
import type { FakeKernelSpecOptions } from '@gateway-provisioners/testkit';
import { createMessage } from '@gateway-provisioners/wire';
import { createKernelManager } from './create-kernel-manager.ts';
import type { KernelManagerOptions } from './options.ts';
import { fileStore } from './store/file-store.ts';
import { TestClient, describeMessage, specSource } from './testing/test-manager.ts';
import type { Execution, Kernel, KernelManager } from './types.ts';

/** The whole package over real processes and sockets, with a kernel that needs nothing but Node. */
let dir: string;
const closers: (() => Promise<void>)[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'gp-manager-'));
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(dir, { recursive: true, force: true });
});

async function open(
  spec: FakeKernelSpecOptions = {},
  options: Partial<KernelManagerOptions> = {},
): Promise<KernelManager> {
  await mkdir(join(dir, 'run'), { recursive: true, mode: 0o700 });
  const registry = new ProvisionerRegistry({
    services: {
      instanceId: 'test',
      logger: silentLogger,
      clock: systemClock,
      runtimeDir: join(dir, 'run'),
      env: process.env,
      rendezvous: noRendezvous,
    },
  });
  registry.register(localProvisioner);
  const manager = await createKernelManager({
    registry,
    kernelspecs: specSource(fakeKernelSpec(spec)),
    store: fileStore({ dir: join(dir, 'kernels') }),
    instanceId: 'test',
    env: process.env,
    ...options,
  });
  closers.push(async () => {
    await manager.close({ kernels: 'end' });
    await registry[Symbol.asyncDispose]();
  });
  return manager;
}

async function run(kernel: Kernel, code: string): Promise<string[]> {
  return await collect(kernel.execute(code, { timeoutMs: 20_000 }));
}

async function collect(execution: Execution): Promise<string[]> {
  const seen: string[] = [];
  for await (const message of execution) seen.push(describeMessage(message));
  return seen;
}

/** Waits for a condition that an event tells. */
async function until(kernel: Kernel, manager: KernelManager, condition: () => boolean): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`still ${kernel.executionState}, incarnation ${String(kernel.incarnation)}`));
    }, 60_000);
    const look = (): void => {
      if (!condition()) return;
      clearTimeout(timer);
      cancel();
      resolve();
    };
    const cancel = manager.subscribe('changed', look);
    look();
  });
}

async function pidOf(kernel: Kernel): Promise<number> {
  const text = (await run(kernel, 'pid')).find((each) => each.startsWith('stream:')) ?? '';
  return Number(text.slice('stream:'.length));
}

describe('a kernel on this machine', () => {
  it('runs code, is interrupted, restarted and shut down', async () => {
    const manager = await open();
    const kernel = await manager.start({ owner: 'ada' });
    expect(await run(kernel, 'print hello')).toContain('stream:hello\n');
    await run(kernel, 'set x 1');
    const sleeping = kernel.execute('sleep 60000');
    await until(kernel, manager, () => kernel.executionState === 'busy');
    await kernel.interrupt();
    expect(await sleeping.reply).toMatchObject({ status: 'error' });
    const pid = await pidOf(kernel);
    await kernel.restart();
    expect(await pidOf(kernel)).not.toBe(pid);
    expect(await run(kernel, 'get x')).toContain('error');
    const last = await identifyProcess(await pidOf(kernel));
    await kernel.shutdown();
    expect(last !== undefined && (await isSameProcess(last))).toBe(false);
    expect((await readdir(join(dir, 'kernels'))).filter((name) => name.endsWith('.json'))).toEqual([]);
  });

  it('asks for input', async () => {
    const kernel = await (await open()).start();
    const execution = kernel.execute('input name?', { onInput: (prompt) => `${prompt} Ada` });
    expect(await collect(execution)).toContain('stream:name? Ada\n');
  });

  it('is started again when it dies', async () => {
    const manager = await open();
    const kernel = await manager.start();
    const client = new TestClient(kernel);
    await expect(kernel.execute('crash').reply).rejects.toMatchObject({ code: 'KERNEL_DIED' });
    await until(kernel, manager, () => kernel.incarnation === 2 && kernel.executionState === 'idle');
    expect(kernel.exit).toMatchObject({ reason: 'signalled', signal: 'SIGKILL' });
    expect(client.seen).toEqual(expect.arrayContaining(['status:restarting', 'status:idle']));
    expect(await run(kernel, 'print again')).toContain('stream:again\n');
  });

  it('tells exit code and stderr of one that ends at once, and leaves nothing', async () => {
    const manager = await open({ exitCode: 3, stderr: 'no licence' });
    await expect(manager.start()).rejects.toMatchObject({
      code: 'LAUNCH_FAILED',
      message: expect.stringMatching(/3[^]*no licence/),
    });
    expect(manager.list()).toEqual([]);
    expect((await readdir(join(dir, 'kernels'))).filter((name) => name.endsWith('.json'))).toEqual([]);
  });

  it('is given up when it never answers', async () => {
    const clock = new SkippingClock();
    const manager = await open({ neverAnswers: true, stderr: 'stuck here' }, { clock });
    const givenUp = expect(manager.start({ launchTimeoutMs: 600_000 })).rejects.toMatchObject({
      code: 'LAUNCH_TIMEOUT',
      logTail: expect.stringContaining('stuck here'),
    });
    await untilTrue('its log', async () => (await manager.list()[0]?.logs())?.includes('stuck here') === true);
    clock.skip(600_000);
    await givenUp;
  });

  it('is given up when its signatures are wrong', async () => {
    const clock = new SkippingClock();
    const warnings: string[] = [];
    const logger: Logger = {
      ...silentLogger,
      child: () => logger,
      warn: (message, fields) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
    };
    const manager = await open({ badSignatures: true }, { clock, logger });
    const givenUp = expect(manager.start({ launchTimeoutMs: 600_000 })).rejects.toMatchObject({
      code: 'LAUNCH_TIMEOUT',
    });
    await untilTrue('a refused message', () => Promise.resolve(warnings.join().includes('is not signed with its key')));
    clock.skip(600_000);
    await givenUp;
  });

  it('is killed when it ignores everything', async () => {
    const manager = await open({ ignores: ['sigint', 'sigterm', 'shutdown'] }, { shutdownWaitMs: 400 });
    const kernel = await manager.start();
    const process = await identifyProcess(await pidOf(kernel));
    await kernel.shutdown();
    expect(process !== undefined && (await isSameProcess(process))).toBe(false);
  });

  it('lives on when the manager lets go of it, and is attached to by the next one', async () => {
    const first = await open();
    const kernel = await first.start({ owner: 'ada' });
    await run(kernel, 'set x 42');
    const pid = await pidOf(kernel);
    await first.close({ kernels: 'keep' });
    const second = await open();
    expect(await second.recover()).toEqual({ attached: [kernel.id], lost: [], reaped: [], unreachable: [] });
    const attached = second.get(kernel.id);
    if (attached === undefined) throw new Error('not attached');
    await attached.ready();
    expect(attached.owner).toBe('ada');
    expect(await pidOf(attached)).toBe(pid);
    expect(await run(attached, 'get x')).toContain('execute_result');
    await attached.restart();
    expect(await run(attached, 'get x')).toContain('error');
  });

  it('delivers everything that a client sends before it is ready, in order', async () => {
    const manager = await open({ startDelayMs: 300 });
    const kernel = await manager.start({ until: 'launched' });
    const client = new TestClient(kernel, { sessionId: 'me' });
    for (let n = 0; n < 30; n += 1) {
      client.client.send(
        createMessage({
          channel: 'shell',
          msgType: 'execute_request',
          content: { code: `print ${String(n)}`, silent: false, store_history: true, allow_stdin: false },
          session: 'me',
        }),
      );
    }
    await kernel.ready();
    await run(kernel, 'print end');
    expect(client.seen.filter((text) => text.startsWith('stream:'))).toEqual([
      ...Array.from({ length: 30 }, (_, n) => `stream:${String(n)}\n`),
      'stream:end\n',
    ]);
  });

  it('floods without loss', async () => {
    const manager = await open();
    const kernel = await manager.start();
    const client = new TestClient(kernel);
    const seen = await run(kernel, 'stream 20000 100');
    expect(seen.filter((text) => text.startsWith('stream:'))).toHaveLength(20_000);
    expect(client.messages.filter(({ header }) => header.msg_type === 'stream')).toHaveLength(20_000);
  });
});
