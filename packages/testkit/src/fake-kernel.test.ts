import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { ResourceStack, delay, observed } from '@gateway-provisioners/core';
import type { ConnectionInfo } from '@gateway-provisioners/core';
import { createMessage } from '@gateway-provisioners/wire';
import { fakeKernelSpec } from './fake-kernel-spec.ts';
import type { FakeKernelMisbehaviour } from './fake-kernel-spec.ts';
import { TestKernelClient } from './test-kernel-client.ts';

let stack = new ResourceStack();
afterEach(async () => {
  await stack[Symbol.asyncDispose]();
  stack = new ResourceStack();
});

interface RunningFake {
  readonly child: ChildProcess;
  readonly info: ConnectionInfo;
  readonly stderr: () => string;
}

/** Unix sockets in a folder of their own: no ports to collide. */
async function startFake(
  options: FakeKernelMisbehaviour & { env?: Record<string, string> } = {},
): Promise<RunningFake> {
  const folder = await mkdtemp(join(tmpdir(), 'gp-fake-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const info: ConnectionInfo = {
    transport: 'ipc',
    ip: join(folder, 'k'),
    shell_port: 1,
    iopub_port: 2,
    stdin_port: 3,
    control_port: 4,
    hb_port: 5,
    key: 'the key',
    signature_scheme: 'hmac-sha256',
  };
  const connectionFile = join(folder, 'connection.json');
  await writeFile(connectionFile, JSON.stringify(info));
  const [program = '', ...args] = fakeKernelSpec(options).argv;
  const child = spawn(
    program,
    args.map((argument) => argument.replace('{connection_file}', connectionFile)),
    { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH: '/usr/bin:/bin', ...options.env } },
  );
  let text = '';
  child.stderr.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  stack.defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return { child, info, stderr: () => text };
}

async function connect({ info }: RunningFake, timeoutMs = 20_000): Promise<TestKernelClient> {
  return stack.use(await TestKernelClient.open({ connection: observed({ info }), timeoutMs }));
}

/** With all that it wrote. */
async function exitOf(child: ChildProcess): Promise<readonly [number | null, NodeJS.Signals | null]> {
  if (child.stderr?.closed === false || (child.exitCode === null && child.signalCode === null)) {
    await once(child, 'close');
  }
  return [child.exitCode, child.signalCode];
}

describe('fake kernel', () => {
  test('keeps state, answers in order, and reports errors with the execution count', async () => {
    const client = await connect(await startFake());
    expect((await client.execute('set a 1 2\nget a')).output).toBe('1 2\n');
    const failed = await client.execute('raise ValueError no good');
    expect(failed.content).toMatchObject({
      status: 'error',
      ename: 'ValueError',
      evalue: 'no good',
      execution_count: 2,
    });
    expect((await client.execute('nonsense')).content).toMatchObject({ status: 'error', ename: 'FakeKernelError' });
    expect((await client.execute('get missing')).content).toMatchObject({ ename: 'NameError' });
    expect((await client.execute('print still here')).output).toBe('still here\n');
  });

  test('streams as many messages of the size asked for, between busy and idle', async () => {
    const client = await connect(await startFake());
    const { iopub } = await client.execute('stream 250 100');
    const types = iopub.map((message) => message.header.msg_type);
    expect(types.filter((type) => type === 'stream')).toHaveLength(250);
    expect(types.at(0)).toBe('status');
    expect(types.at(-1)).toBe('status');
    expect(iopub.find((message) => message.header.msg_type === 'stream')?.parseContent()).toEqual({
      name: 'stdout',
      text: 'x'.repeat(100),
    });
  });

  test('sends buffers with display_data, and echoes comm messages with theirs', async () => {
    const client = await connect(await startFake());
    const shown = (await client.execute('display-buffers 3')).iopub.find((m) => m.header.msg_type === 'display_data');
    expect(shown?.buffers.map((buffer) => [...buffer])).toEqual([
      [1, 1, 1],
      [2, 2, 2],
    ]);
  });

  test.each(['SIGINT', 'SIGUSR2'] as const)('%s interrupts a sleep', async (signal) => {
    const fake = await startFake({ env: { EG_ALTERNATE_SIGINT: 'SIGUSR2' } });
    const client = await connect(fake);
    const running = client.execute('sleep 600000');
    const stopped = running.then(() => true);
    // One that comes before the code runs has no effect.
    do {
      fake.child.kill(signal);
    } while (!(await Promise.race([stopped, delay(100).then(() => false)])));
    expect((await running).content).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });
  });

  test('interrupt_request on control interrupts, shutdown_request ends with code 0', async () => {
    const fake = await startFake();
    const client = await connect(fake);
    const running = client.execute('sleep 600000');
    const ask = (msgType: string) =>
      client.channels.request(createMessage({ channel: 'control', msgType, session: 's' }), { timeoutMs: 10_000 });
    const stopped = running.then(() => true);
    do {
      expect((await ask('interrupt_request')).parseContent()).toEqual({ status: 'ok' });
    } while (!(await Promise.race([stopped, delay(100).then(() => false)])));
    expect((await running).content).toMatchObject({ ename: 'KeyboardInterrupt' });
    expect((await ask('shutdown_request')).parseContent()).toMatchObject({ status: 'ok' });
    expect(await exitOf(fake.child)).toEqual([0, null]);
  });

  test('exits with the code asked for, and by SIGKILL on crash', async () => {
    const one = await startFake();
    void (await connect(one)).execute('exit 5').catch(() => undefined);
    expect(await exitOf(one.child)).toEqual([5, null]);
    const two = await startFake();
    void (await connect(two)).execute('crash').catch(() => undefined);
    expect(await exitOf(two.child)).toEqual([null, 'SIGKILL']);
  });

  test('misbehaves as told: exits at once with text on stderr', async () => {
    const { child, stderr } = await startFake({ exitCode: 3, stderr: 'out of luck' });
    expect(await exitOf(child)).toEqual([3, null]);
    expect(stderr()).toContain('out of luck');
  });

  test.each<FakeKernelMisbehaviour>([{ neverAnswers: true }, { neverBinds: true }, { badSignatures: true }])(
    'misbehaves as told: %j is never ready',
    async (options) => {
      const fake = await startFake(options);
      await expect(connect(fake, 1_500)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
      expect(fake.child.exitCode).toBeNull();
    },
  );

  test('misbehaves as told: SIGTERM and SIGINT are ignored', async () => {
    const fake = await startFake({ ignores: ['sigterm', 'sigint'] });
    const client = await connect(fake);
    fake.child.kill('SIGTERM');
    fake.child.kill('SIGINT');
    expect((await client.execute('print alive')).output).toBe('alive\n');
  });

  test('ends when the process that JPY_PARENT_PID names is gone', async () => {
    const parent = spawn('/bin/sh', ['-c', 'exec sleep 600'], { stdio: 'ignore' });
    const fake = await startFake({ env: { JPY_PARENT_PID: String(parent.pid) } });
    await connect(fake);
    parent.kill('SIGKILL');
    expect(await exitOf(fake.child)).toEqual([1, null]);
  });

  test('says so when an address is taken', async () => {
    const server = createServer();
    const folder = await mkdtemp(join(tmpdir(), 'gp-fake-'));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    stack.defer(() => server.close());
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const info = { transport: 'tcp', ip: '127.0.0.1', shell_port: port, key: 'k' };
    await writeFile(join(folder, 'c.json'), JSON.stringify(info));
    const [program = '', script = ''] = fakeKernelSpec().argv;
    const child = spawn(program, [script, join(folder, 'c.json')], { stdio: ['ignore', 'ignore', 'pipe'] });
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    expect(await exitOf(child)).toEqual([1, null]);
    expect(text).toContain('cannot bind');
  });
});
