import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeAll, expect, test } from '@jest/globals';
import { ResourceStack, sendSignal, systemClock, withDeadline } from '@gateway-provisioners/core';
import type { ConnectionInfo, LauncherAnswer } from '@gateway-provisioners/core';
import { createResponseListener } from './index.ts';

/** Talks to the kernel as any Jupyter client: executes, says when the kernel is busy, and how the execution ended. */
const CLIENT = `
import json, sys
from jupyter_client import BlockingKernelClient
info, code = json.loads(sys.argv[1]), sys.argv[2]
client = BlockingKernelClient()
client.load_connection_info(info)
client.start_channels()
client.wait_for_ready(timeout=60)
msg_id = client.execute(code)
while True:
    message = client.get_iopub_msg(timeout=60)
    if message["parent_header"].get("msg_id") == msg_id and message["msg_type"] == "stream":
        print("busy", flush=True)
        break
while True:
    # Whoever waits for a slow kernel asks it more than once, and its other answers are still to be read.
    message = client.get_shell_msg(timeout=60)
    if message["parent_header"].get("msg_id") == msg_id:
        break
content = message["content"]
print(content.get("ename") or content["status"], flush=True)
`;

const run = promisify(execFile);
let python = '';
let launchers = '';
let stack = new ResourceStack();

beforeAll(async () => {
  const script = fileURLToPath(new URL('../../../tools/testbeds/gateway-provisioners-python.sh', import.meta.url));
  const given = process.env['GP_TEST_GATEWAY_PROVISIONERS_PYTHON'];
  python = given ?? (await run(script, ['path'])).stdout.trim();
  const find = 'import gateway_provisioners, os; print(os.path.dirname(gateway_provisioners.__file__))';
  launchers = `${(await run(python, ['-c', find])).stdout.trim()}/kernel-launchers`;
}, 300_000);

afterEach(async () => {
  await stack[Symbol.asyncDispose]();
  stack = new ResourceStack();
});

interface Launched {
  readonly answer: LauncherAnswer;
  readonly child: ChildProcess;
  readonly connection: ConnectionInfo;
}

/** The launcher and the listener that it shares with R, in one folder, as the package's installer lays them out. */
async function assemble(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'gp-launcher-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  await cp(join(launchers, 'python/scripts'), folder, { recursive: true });
  await cp(join(launchers, 'shared/scripts'), folder, { recursive: true });
  return folder;
}

/** Starts a kernel with the launcher as it was published, and waits for its answer. */
async function launch(...options: readonly string[]): Promise<Launched> {
  const listener = stack.use(await createResponseListener({ address: '127.0.0.1', port: 0 }));
  const kernelId = randomUUID();
  const expected = stack.use(await listener.expect(kernelId, { deadline: systemClock.now() + 60_000, protocol: 1 }));
  const { responseAddress, publicKey, portRange } = expected.parameters.public;
  const folder = await assemble();
  const args = [
    join(folder, 'launch_ipykernel.py'),
    ...['--kernel-id', kernelId],
    ...['--response-address', responseAddress],
    ...['--public-key', publicKey],
    ...['--port-range', portRange],
    ...['--spark-context-initialization-mode', 'none'],
    ...options,
  ];
  const child = spawn(python, args, {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString();
  });
  stack.defer(() => {
    // The launcher's listener is a process of its own and may outlive the kernel.
    if (child.pid !== undefined) sendSignal(child.pid, 9, { group: true });
  });
  const ended = once(child, 'exit').then(() => {
    throw new Error(`the launcher ended:\n${log}`);
  });
  ended.catch(() => undefined);
  const answer = await Promise.race([expected.answer, ended]);
  return { answer, child, connection: { ...answer.connection, ip: '127.0.0.1' } };
}

/** Executes code that prints something and then does not end; resolves when it runs. */
async function executeEndless(connection: ConnectionInfo): Promise<{ readonly outcome: Promise<string> }> {
  const client = spawn(
    python,
    ['-c', CLIENT, JSON.stringify(connection), 'print("on", flush=True)\nwhile True: pass'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  stack.defer(() => client.kill('SIGKILL'));
  const lines = createInterface({ input: client.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const line = await withDeadline({ what: 'the client', timeoutMs: 60_000 }, () => lines.next());
    return line.done === true ? 'the client ended' : line.value;
  };
  expect(await next()).toBe('busy');
  return { outcome: next() };
}

test.each([[[]], [['--transport-encryption', 'required']]])(
  'the published launcher answers, and its kernel is interrupted through its listener: %j',
  async (options) => {
    const { answer, child, connection } = await launch(...options);
    expect(answer).toMatchObject({ version: 1, pid: child.pid, peerAddress: '127.0.0.1' });
    expect(answer.connection).toMatchObject({ ip: '0.0.0.0', transport: 'tcp', signature_scheme: 'hmac-sha256' });
    expect(answer.connection.curve_publickey?.length).toBe(options.length > 0 ? 40 : undefined);
    const { comm } = answer;
    if (comm === undefined) throw new Error('the launcher has no listener');
    expect(await comm.isAlive()).toBe(true);
    const { outcome } = await executeEndless(connection);
    expect(await comm.signal(2)).toBe(true);
    expect(await outcome).toBe('KeyboardInterrupt');
    expect(await comm.isAlive()).toBe(true);
  },
);

test('a kernel that is killed through its listener is dead after one more probe', async () => {
  const { answer, child } = await launch();
  const ended = once(child, 'exit');
  expect(await answer.comm?.signal(9)).toBe(true);
  expect(await ended).toEqual([null, 'SIGKILL']);
  await withDeadline({ what: 'the listener to notice', timeoutMs: 20_000 }, async ({ signal }) => {
    while (await answer.comm?.isAlive({ signal }));
  });
});

test('after a shutdown the listener is gone and the kernel lives on, as version 1 has it', async () => {
  const { answer, child } = await launch();
  await answer.comm?.shutdown();
  await withDeadline({ what: 'the listener to end', timeoutMs: 20_000 }, async ({ signal }) => {
    while (await answer.comm?.isAlive({ signal }));
  });
  expect([child.exitCode, child.signalCode]).toEqual([null, null]);
});
