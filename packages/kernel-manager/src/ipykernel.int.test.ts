import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ProvisionerRegistry, noRendezvous, silentLogger, systemClock } from '@gateway-provisioners/core';
import type { KernelSpec } from '@gateway-provisioners/core';
import { localProvisioner } from '@gateway-provisioners/provisioner-local';
import { createMessage } from '@gateway-provisioners/wire';
import { createKernelManager } from './create-kernel-manager.ts';
import { fileStore } from './store/file-store.ts';
import { TestClient, describeMessage, specSource, testSpec } from './testing/test-manager.ts';
import type { Execution, Kernel, KernelManager } from './types.ts';

const python = process.env['GP_TEST_PYTHON'] ?? '';

function pythonSpec(overrides: Partial<KernelSpec> = {}): KernelSpec {
  return testSpec({
    name: 'python3',
    language: 'python',
    argv: [python, '-m', 'ipykernel_launcher', '-f', '{connection_file}'],
    provisioner: { provisionerName: 'local-provisioner', config: {} },
    metadata: { supported_encryption: ['curve'] },
    ...overrides,
  });
}

let dir: string;
const closers: (() => Promise<void>)[] = [];

beforeEach(async () => {
  if (python === '')
    throw new Error('set GP_TEST_PYTHON to a Python with ipykernel: eval "$(tools/testbeds/python.sh env)"');
  dir = await mkdtemp(join(tmpdir(), 'gp-ipykernel-'));
  await mkdir(join(dir, 'run'), { mode: 0o700 });
});

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(dir, { recursive: true, force: true });
});

async function open(spec: KernelSpec, transportEncryption?: 'required'): Promise<KernelManager> {
  const services = {
    instanceId: 'test',
    logger: silentLogger,
    clock: systemClock,
    runtimeDir: join(dir, 'run'),
    env: process.env,
    rendezvous: noRendezvous,
  };
  const registry = new ProvisionerRegistry({ services });
  registry.register(localProvisioner);
  const manager = await createKernelManager({
    registry,
    kernelspecs: specSource(spec),
    store: fileStore({ dir: join(dir, 'kernels') }),
    instanceId: 'test',
    env: process.env,
    transportEncryption,
  });
  closers.push(async () => {
    await manager.close({ kernels: 'end' });
    await registry[Symbol.asyncDispose]();
  });
  return manager;
}

async function collect(execution: Execution): Promise<string[]> {
  const seen: string[] = [];
  for await (const message of execution) seen.push(describeMessage(message));
  return seen;
}

const run = (kernel: Kernel, code: string) => collect(kernel.execute(code, { timeoutMs: 60_000 }));

describe.each([
  ['plain', undefined],
  ['encrypted', 'required' as const],
])('ipykernel, %s', (_name, encryption) => {
  it('executes, asks for input, is interrupted, restarts, dies and comes back', async () => {
    const manager = await open(pythonSpec(), encryption);
    const kernel = await manager.start();
    expect(kernel.info).toMatchObject({ implementation: 'ipython' });
    expect(kernel.executionState).toBe('idle');
    expect(await run(kernel, 'print(6 * 7)')).toEqual([
      'status:busy',
      'execute_input',
      'stream:42\n',
      'status:idle',
      'execute_reply',
    ]);
    expect(await collect(kernel.execute('print(input("who? "))', { onInput: () => 'Ada' }))).toContain('stream:Ada\n');

    const loop = kernel.execute('print("in", flush=True)\nwhile True: pass');
    for await (const message of loop) if (message.header.msg_type === 'stream') break;
    await kernel.interrupt();
    expect(await loop.reply).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });

    const client = new TestClient(kernel, { sessionId: 'me' });
    const restarting = kernel.restart();
    client.client.send(
      createMessage({
        channel: 'shell',
        msgType: 'execute_request',
        content: {
          code: 'print("held")',
          silent: false,
          store_history: true,
          user_expressions: {},
          allow_stdin: false,
        },
        session: 'me',
      }),
    );
    await restarting;
    await run(kernel, 'pass');
    expect(client.seen[0]).toBe('status:starting');
    expect(client.seen).toContain('stream:held\n');

    await expect(kernel.execute('import os; os._exit(3)').reply).rejects.toMatchObject({ code: 'KERNEL_DIED' });
    expect(await run(kernel, 'print("back")')).toContain('stream:back\n');
    expect(kernel.incarnation).toBe(3);
    expect(kernel.exit).toMatchObject({ reason: 'exited', exitCode: 3 });
  });

  it('is attached to with a cell at work, which answers control meanwhile', async () => {
    const first = await open(pythonSpec(), encryption);
    const kernel = await first.start();
    // With stopOnError ipykernel aborts what comes shortly after the `idle` of the interrupted cell, too.
    const options = { stopOnError: false };
    const working = kernel.execute('x = 42\nprint("in", flush=True)\nimport time; time.sleep(600)', options);
    for await (const message of working) if (message.header.msg_type === 'stream') break;
    await first.close({ kernels: 'keep' });

    const second = await open(pythonSpec(), encryption);
    expect((await second.recover()).attached).toEqual([kernel.id]);
    const attached = second.get(kernel.id);
    if (attached === undefined) throw new Error('not attached');
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`still ${attached.executionState}`));
      }, 60_000);
      const look = (): void => {
        if (attached.executionState !== 'busy') return;
        clearTimeout(timer);
        cancel();
        resolve();
      };
      const cancel = second.subscribe('changed', look);
      look();
    });
    await attached.interrupt();
    await attached.ready();
    expect(await run(attached, 'print(x)')).toContain('stream:42\n');
    expect(attached.executionState).toBe('idle');
  });
});

describe('ipykernel', () => {
  it('tells what Python says when it cannot start', async () => {
    const manager = await open(pythonSpec({ argv: [python, '-m', 'no_such_kernel', '{connection_file}'] }));
    await expect(manager.start()).rejects.toMatchObject({
      code: 'LAUNCH_FAILED',
      message: expect.stringContaining('No module named no_such_kernel'),
    });
  });

  it('floods without loss', async () => {
    const kernel = await (await open(pythonSpec())).start();
    const text = (await run(kernel, 'import sys\nfor i in range(20000): print(i)'))
      .filter((each) => each.startsWith('stream:'))
      .map((each) => each.slice('stream:'.length))
      .join('');
    expect(text).toBe(Array.from({ length: 20_000 }, (_, n) => `${String(n)}\n`).join(''));
  });
});
