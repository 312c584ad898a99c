import { execFileSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import type { LauncherAnswer } from '@gateway-provisioners/core';
import { launchersDir } from '@gateway-provisioners/launchers';
import { runProgram } from '../support/run-program.ts';
import { testPython, workspaceFolder } from '../support/test-environment.ts';
import { LauncherBench, kill } from './launcher-bench.ts';
import type { LaunchOptions, LaunchUnderTest } from './launcher-bench.ts';
import { LauncherFront } from './launcher-front.ts';
import { gatewayProvisionersPython, launcherPython, pythonLauncherArgv } from './python-launcher-argv.ts';

const scripts = join(launchersDir, 'python/scripts');
const vectors = join(workspaceFolder, 'packages/launcher-protocol/vectors');
const helpers = join(workspaceFolder, 'tools/integration/python/launchers');

let bench: LauncherBench;
let stack = new ResourceStack();

beforeEach(async () => {
  bench = stack.use(await LauncherBench.start());
});

afterEach(async () => {
  await stack[Symbol.asyncDispose]();
  stack = new ResourceStack();
});

async function launch(options: readonly string[], more: Partial<LaunchOptions> = {}): Promise<LaunchUnderTest> {
  return await bench.launch({ argv: pythonLauncherArgv(testPython(), ...options), ...more });
}

/** Interpreters on this machine that the launcher is made for. */
function interpreters(): readonly string[] {
  return ['3.9', '3.10', '3.11', '3.12', '3.13']
    .map((version) => `python${version}`)
    .filter((name) => runs(name, '-c', ''));
}

function runs(command: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function runHelper(python: string, ...args: readonly string[]) {
  const env = await bench.scratch.environment({ extra: { PYTHONDONTWRITEBYTECODE: '1' } });
  return await runProgram({ command: [python, ...args], cwd: bench.scratch.path, env, timeoutMs: 60_000 });
}

describe('the vectors', () => {
  const everything = ['box 52', 'version1 23', 'launcher_v2 23', 'answer 3', 'replies 6', 'comm 30', ''].join('\n');
  const check = join(helpers, 'check_vectors.py');

  test('with PyNaCl and pycryptodome', async () => {
    const result = await runHelper(gatewayProvisionersPython(), check, scripts, vectors, 'libraries');
    expect(result).toEqual({ exitCode: 0, stdout: everything, stderr: '' });
  });

  test.each(['GP_TEST_PYTHON', ...interpreters()])('without, with %s', async (name) => {
    const python = name === 'GP_TEST_PYTHON' ? testPython() : name;
    const result = await runHelper(python, check, scripts, vectors, 'pure');
    expect(result).toEqual({ exitCode: 0, stdout: everything, stderr: '' });
  });
});

test('nothing that came after Python 3.9', async () => {
  const result = await runHelper(testPython(), join(helpers, 'check_floor.py'), scripts);
  expect(result).toEqual({ exitCode: 0, stdout: '6 files\n', stderr: '' });
  // The check itself: what is newer in our own helper would be found.
  const newer = await bench.scratch.folder('newer');
  const code = 'from itertools import pairwise\\nmatch 1:\\n    case 1: pass\\n';
  await runHelper(testPython(), '-c', `open(${JSON.stringify(join(newer, 'a.py'))}, 'w').write('${code}')`);
  expect(await runHelper(testPython(), join(helpers, 'check_floor.py'), newer)).toMatchObject({ exitCode: 1 });
});

test('the end of a kernel is known with all that it wrote, however late that is read', async () => {
  const result = await runHelper(testPython(), join(helpers, 'check_last_output.py'), scripts);
  expect(result).toEqual({ exitCode: 0, stdout: '3 last words\n', stderr: 'last words\n' });
});

describe('another Python', () => {
  test.each([1, 2] as const)('with ipykernel 6 and nothing that encrypts, version %d', async (protocol) => {
    const launched = await bench.launch({ argv: pythonLauncherArgv(launcherPython()), protocol });
    await expectInterruptible(launched);
  });

  test.each([1, 2] as const)('with PyNaCl and pycryptodome, version %d', async (protocol) => {
    const launched = await bench.launch({ argv: pythonLauncherArgv(gatewayProvisionersPython()), protocol });
    await expectInterruptible(launched);
  });
});

async function expectInterruptible(launched: LaunchUnderTest): Promise<void> {
  const answer = await launched.answer();
  const client = await launched.connect(answer);
  for (const body of ['while True: pass', 'import time; time.sleep(1000)']) {
    const endless = (file: string): string => `open(${JSON.stringify(file)}, 'w').close()\n${body}`;
    const { reply } = await launched.executeEndless(client, endless);
    expect(await answer.comm?.signal(2)).toBe(true);
    expect((await reply).content).toMatchObject({ ename: 'KeyboardInterrupt' });
  }
  kill(launched.pid, 'SIGTERM');
  expect(await launched.end()).toEqual({ code: 143, signal: null });
  await launched.nothingLeft();
}

describe('CurveZMQ', () => {
  test.each([1, 2] as const)('keys are made and returned when they are required, version %d', async (protocol) => {
    const launched = await launch(['--transport-encryption', 'required'], { protocol });
    const answer = await launched.answer();
    expect(answer.connection.curve_publickey).toHaveLength(40);
    // The client encrypts because the connection has keys; the kernel would not answer one that does not.
    const client = await launched.connect(answer);
    expect((await client.execute('print(5)')).output).toBe('5\n');
  });

  test.each(['', '{transport_encryption}', 'disabled', 'perhaps'])('%j is none', async (policy) => {
    const launched = await launch(['--transport-encryption', policy, '--cluster-type', 'none']);
    expect((await launched.answer()).connection.curve_publickey).toBeUndefined();
    expect(launched.stderr.text.includes('--transport-encryption')).toBe(policy === 'perhaps');
  });

  test('with an ipykernel that cannot, auto goes on and required does not', async () => {
    const auto = await bench.launch({ argv: pythonLauncherArgv(launcherPython(), '--transport-encryption', 'auto') });
    expect((await auto.answer()).connection.curve_publickey).toBeUndefined();
    expect(auto.stderr.text).toContain('going on without since the policy is');
    const argv = pythonLauncherArgv(launcherPython(), '--transport-encryption', 'required');
    const required = await bench.launch({ argv });
    expect(await required.end()).toEqual({ code: 1, signal: null });
    const reason = 'ipykernel 6.31.0 is too old, 7.3 is needed';
    expect(required.stderr.text).toBe(
      `launch_ipykernel.py: Transport encryption is 'required' but cannot be applied: ${reason}\n`,
    );
  });
});

describe('input that no kernel can be started with is an error of one line', () => {
  const key = (length: number): string => Buffer.alloc(length, 1).toString('base64');
  const extended = (...options: readonly string[]): LaunchOptions['argv'] =>
    pythonLauncherArgv(testPython(), ...options);
  const without =
    (name: string, more: readonly string[] = []): LaunchOptions['argv'] =>
    (parameters) => {
      const [program, ...args] = extended(...more)(parameters);
      const at = args.indexOf(name);
      return [program, ...args.slice(0, at), ...args.slice(at + 2)];
    };
  const replaced = (name: string, value: string): LaunchOptions['argv'] => without(name, [name, value]);
  const cases: readonly {
    readonly name: string;
    readonly argv: LaunchOptions['argv'];
    readonly code?: number;
    readonly message: RegExp;
  }[] = [
    { name: 'no kernel id', argv: without('--kernel-id'), message: /--kernel-id is missing/ },
    { name: 'a bad kernel id', argv: replaced('--kernel-id', '../x'), message: /--kernel-id '\.\.\/x' is none/ },
    { name: 'no response address', argv: without('--response-address'), message: /--response-address is missing/ },
    { name: 'a bad address', argv: replaced('--response-address', 'x'), message: /is not host:port/ },
    { name: 'no public key', argv: without('--public-key'), message: /--public-key is missing/ },
    { name: 'no RSA key', argv: replaced('--public-key', key(64)), message: /DER form/ },
    { name: 'a reversed range', argv: replaced('--port-range', '5000..4000'), message: /at least 1000/ },
    { name: 'a small range', argv: replaced('--port-range', '5000..5999'), message: /at least 1000/ },
    { name: 'a range in words', argv: replaced('--port-range', 'all'), message: /Expected two numbers/ },
    { name: 'ports that are none', argv: replaced('--port-range', '1..9000'), message: /1024, 65535/ },
    { name: 'an unknown option', argv: extended('--frobnicate'), code: 2, message: /unrecognized arguments: --frob/ },
    { name: 'an unknown cluster', argv: extended('--cluster-type', 'k8s'), code: 2, message: /invalid choice: 'k8s'/ },
  ];

  test.each(cases)('$name', async ({ argv, code = 1, message }) => {
    const launched = await bench.launch({ argv, protocol: 1 });
    expect(await launched.end()).toEqual({ code, signal: null });
    expect(launched.stderr.text).toMatch(/^launch_ipykernel\.py: [^\n]*\n$/);
    expect(launched.stderr.text).toMatch(message);
    await launched.nothingLeft();
    expect(await readdir(await bench.scratch.folder('tmp'))).toEqual([]);
  });

  test.each([
    ['no base64', '!', /GP_LAUNCHER_V2 cannot be used: not base64/],
    ['a file that is not there', '/no/such/file', /GP_LAUNCHER_V2 names cannot be read/],
    [
      'of another kernel',
      Buffer.from(
        JSON.stringify({ version: 2, kernel_id: 'x', public_key: key(32), token: key(32), lease_seconds: 0 }),
      ).toString('base64'),
      /for another kernel/,
    ],
  ])('a secret that is %s', async (_, secret, message) => {
    const launched = await launch([], { env: { GP_LAUNCHER_V2: secret } });
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    expect(launched.stderr.text).toMatch(/^launch_ipykernel\.py: [^\n]*\n$/);
    expect(launched.stderr.text).toMatch(message);
  });

  test('fewer free ports in the range than are needed', async () => {
    const launched = await launch(['--port-range', '41000..41003'], { env: { GP_MIN_PORT_RANGE_SIZE: '3' } });
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    expect(launched.stderr.text).toMatch(
      /^launch_ipykernel\.py: 6 free ports are needed and the port range 41000\.\.41003 has \d: .*\n$/,
    );
    expect(await readdir(await bench.scratch.folder('tmp'))).toEqual([]);
  });

  test.each([1, 2] as const)('a gateway that is not there, version %d', async (protocol) => {
    const launched = await launch([], {
      protocol,
      responseAddress: '127.0.0.1:9',
      env: { GP_LAUNCHER_RETRY_SECONDS: '2' },
    });
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    expect(launched.stderr.text).toMatch(
      /^launch_ipykernel\.py: the gateway could not be reached within 2 seconds: 127\.0\.0\.1:9: .*refused.*$/m,
    );
    await launched.nothingLeft();
    expect(await readdir(await bench.scratch.folder('tmp'))).toEqual([]);
  });

  test('a gateway that waits for another launch', async () => {
    const other = stack.use(await LauncherBench.start());
    const launched = await launch([], { responseAddress: other.listener.responseAddress });
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    expect(launched.stderr.text).toMatch(/^launch_ipykernel\.py: the gateway refused the answer: .*$/m);
    await launched.nothingLeft();
  });
});

test('options in the spelling of Enterprise Gateway, of which the new ones count', async () => {
  const launched = await bench.launch({
    protocol: 1,
    argv: ({ kernelId, responseAddress, publicKey, portRange }) => [
      ...([testPython(), join(scripts, 'launch_ipykernel.py')] as const),
      ...['--RemoteProcessProxy.kernel-id', kernelId, '--RemoteProcessProxy.response-address', responseAddress],
      ...['--RemoteProcessProxy.public-key', publicKey, '--RemoteProcessProxy.port-range', 'nonsense'],
      ...['--port-range', portRange, '--RemoteProcessProxy.spark-context-initialization-mode', 'none'],
      ...['--RemoteProcessProxy.cluster-type', 'none', '/deprecated/connection/file'],
    ],
  });
  expect((await launched.answer()).comm).toBeDefined();
});

test('parameters from the environment of a container', async () => {
  const launched = await bench.launch({
    protocol: 2,
    argv: ({ kernelId, responseAddress, publicKey }) => [
      'env',
      ...[`KERNEL_ID=${kernelId}`, `RESPONSE_ADDRESS=${responseAddress}`, `PUBLIC_KEY=${publicKey}`],
      ...[testPython(), join(scripts, 'launch_ipykernel.py')],
    ],
  });
  await launched.connect();
});

test('all ports are in the range', async () => {
  // Below what the system gives to outgoing connections: one of theirs would keep the kernel from its port.
  const launched = await launch([], { expect: { portRange: '21000..22500' } });
  const { connection, comm } = await launched.answer();
  const { shell_port, iopub_port, stdin_port, control_port, hb_port } = connection;
  const ports = [shell_port, iopub_port, stdin_port, control_port, hb_port, comm?.state.port ?? 0];
  expect(new Set(ports).size).toBe(6);
  expect(ports.filter((port) => port >= 21_000 && port <= 22_500)).toEqual(ports);
  await launched.connect();
});

test('twenty at once do not take ports from each other', async () => {
  const argv = pythonLauncherArgv(testPython());
  const python = testPython();
  // The least that binds ports as a kernel does: a kernel itself would take this machine a minute.
  const kernel =
    'import json,socket,sys,time\ninfo=json.load(open(sys.argv[1]))\nheld=[]\nfor name in info:\n if name.endswith("_port"):\n  s=socket.create_server(("0.0.0.0",info[name]));held.append(s)\ntime.sleep(1000)';
  const launches = await Promise.all(
    Array.from(
      { length: 20 },
      async () =>
        await bench.launch({
          argv: (parameters) => [
            python,
            join(scripts, 'server_listener.py'),
            ...argv(parameters).slice(2),
            ...['--', python, '-c', kernel, '{connection_file}'],
          ],
          expect: { portRange: '23000..24000' },
        }),
    ),
  );
  const answers = await Promise.all(launches.map(async (launched) => await launched.answer()));
  const ports = answers.flatMap((answer) => portsOf(answer));
  expect(new Set(ports).size).toBe(120);
  for (const { comm } of answers) expect(await comm?.isAlive()).toBe(true);
});

function portsOf({ connection, comm }: LauncherAnswer): readonly (number | undefined)[] {
  const { shell_port, iopub_port, stdin_port, control_port, hb_port } = connection;
  return [shell_port, iopub_port, stdin_port, control_port, hb_port, comm?.state.port];
}

describe('over HTTP', () => {
  async function startBehindFront(): Promise<{ readonly bench: LauncherBench; readonly front: LauncherFront }> {
    const front = stack.use(await LauncherFront.listen());
    const behind = stack.use(await LauncherBench.start({ httpUrl: front.url }));
    front.listener = behind.listener;
    return { bench: behind, front };
  }

  test('the answer gets through where only the gateway’s own port can be reached', async () => {
    const { bench: behind, front } = await startBehindFront();
    front.unavailable = 1;
    const launched = await behind.launch({ argv: pythonLauncherArgv(testPython()), responseAddress: '127.0.0.1:9' });
    const answer = await launched.answer();
    expect(answer.version).toBe(2);
    expect(answer.peerAddress).toBeUndefined();
    const client = await launched.connect(answer);
    expect((await client.execute('print(8)')).output).toBe('8\n');
  });

  test('a launch that nobody waits for is refused there too', async () => {
    const { bench: other, front } = await startBehindFront();
    front.listener = bench.listener;
    const launched = await other.launch({ argv: pythonLauncherArgv(testPython()), responseAddress: '127.0.0.1:9' });
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    expect(launched.stderr.text).toMatch(/the gateway refused the answer/);
  });
});

test('as the first process of a container', async () => {
  const argv = pythonLauncherArgv(testPython());
  const launched = await bench.launch({
    argv: (parameters) => ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child=TERM', ...argv(parameters)],
    env: { GP_LAUNCHER_LINGER_SECONDS: '0', JPY_PARENT_PID: '1' },
  });
  const answer = await launched.answer();
  const client = await launched.connect(answer);
  expect((await client.execute('import os; print(os.getppid())')).output).toBe('1\n');
  // An orphan that ends later is collected: it does not become a zombie for ever, which would be seen in /proc.
  const orphan = [
    'import subprocess, time',
    'path = "/proc/" + subprocess.check_output(["sh", "-c", "sleep 0.1 >&- & echo $!"], text=True).strip()',
    'end = time.monotonic() + 20',
    'while os.path.exists(path) and time.monotonic() < end: time.sleep(0.01)',
    'print(os.path.exists(path))',
  ];
  expect((await client.execute(orphan.join('\n'))).output).toBe('False\n');
  client.execute('os._exit(5)').catch(() => undefined);
  expect(await launched.end()).toEqual({ code: 5, signal: null });
});
