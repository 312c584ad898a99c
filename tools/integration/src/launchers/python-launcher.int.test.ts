import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import type { CommChannel, CommStatus, LauncherAnswer } from '@gateway-provisioners/core';
import { testPython } from '../support/test-environment.ts';
import { until } from '../support/until.ts';
import { LauncherBench, kill } from './launcher-bench.ts';
import type { LaunchOptions, LaunchUnderTest } from './launcher-bench.ts';
import { pythonLauncherArgv } from './python-launcher-argv.ts';

let python = '';
let bench: LauncherBench;
let stack = new ResourceStack();

beforeEach(async () => {
  python = testPython();
  bench = stack.use(await LauncherBench.start());
});

afterEach(async () => {
  await stack[Symbol.asyncDispose]();
  stack = new ResourceStack();
});

async function launch(options: readonly string[] = [], more: Partial<LaunchOptions> = {}): Promise<LaunchUnderTest> {
  return await bench.launch({ argv: pythonLauncherArgv(python, ...options), ...more });
}

function commOf(answer: LauncherAnswer): CommChannel {
  if (answer.comm === undefined) throw new Error('the launcher has no listener');
  return answer.comm;
}

async function statusAtEnd(comm: CommChannel): Promise<CommStatus> {
  return await until({ what: 'the end of the kernel', timeoutMs: 60_000 }, async () => {
    const status = await comm.status();
    return status?.alive === false ? status : undefined;
  });
}

const endless = {
  'while True: pass': (file: string) => `open(${JSON.stringify(file)}, 'w').close()\nwhile True: pass`,
  'time.sleep': (file: string) => `import time\nopen(${JSON.stringify(file)}, 'w').close()\ntime.sleep(1000)`,
  // One call that does not come back to the interpreter for a second and more; the signal must still be there then.
  'a loop in C': (file: string) => `open(${JSON.stringify(file)}, 'w').close()\nwhile True: sum(range(20_000_000))`,
};

describe.each([1, 2] as const)('version %d', (protocol) => {
  test('executes, is interrupted, is killed', async () => {
    const launched = await launch([], { protocol });
    const answer = await launched.answer();
    expect(answer.version).toBe(protocol);
    expect(answer.pid).not.toBe(launched.pid);
    expect(answer.pgid).toBe(answer.pid);
    const comm = commOf(answer);
    const client = await launched.connect(answer);
    expect((await client.execute('print(6 * 7)')).output).toBe('42\n');
    expect(await comm.isAlive()).toBe(true);
    for (const code of Object.values(endless)) {
      const { reply } = await launched.executeEndless(client, code);
      expect(await comm.signal(2)).toBe(true);
      expect((await reply).content).toMatchObject({ ename: 'KeyboardInterrupt' });
    }
    expect(await comm.signal(9)).toBe(true);
    if (protocol === 2) {
      expect((await statusAtEnd(comm)).exit).toMatchObject({ reason: 'signalled', signal: 'SIGKILL' });
      expect(await comm.signal(2)).toBe(false);
      await comm.shutdown();
    }
    expect(await launched.end()).toEqual({ code: 137, signal: null });
    expect(await comm.isAlive()).toBe(false);
    await launched.nothingLeft();
  });

  test('garbage and silence on the comm port are survived', async () => {
    const launched = await launch([], { protocol });
    const comm = commOf(await launched.answer());
    const { port } = comm.state;
    const say = (data: string | Buffer | undefined, end: boolean): void => {
      const socket = connect({ host: '127.0.0.1', port });
      socket.on('error', () => undefined);
      stack.defer(() => socket.destroy());
      if (data !== undefined) socket.write(data);
      if (end) socket.end();
    };
    const garbage = ['', '{', '[]', 'null', '{"signum": "x"}', '{"signum": 99999}', '{"signum": true}', '\u0000\n'];
    const more = ['{"signum": 1e400}', '['.repeat(60_000), '{"signum": -1}', Buffer.from([0xff, 0xfe, 10])];
    for (const data of [...garbage, ...more, 'x'.repeat(200_000), '{"version":2,"nonce":1,"box":{}}\n'])
      say(data, true);
    for (let count = 0; count < 200; count += 1) say(undefined, false);
    expect(await comm.isAlive()).toBe(true);
    expect(await comm.signal(0)).toBe(true);
    const client = await launched.connect();
    expect((await client.execute('print(1)')).output).toBe('1\n');
  });

  test('the exit code is the kernel’s', async () => {
    const launched = await launch([], { protocol, env: { GP_LAUNCHER_LINGER_SECONDS: '0' } });
    const client = await launched.connect();
    client.execute('import os; os._exit(7)').catch(() => undefined);
    expect(await launched.end()).toEqual({ code: 7, signal: null });
    await launched.nothingLeft();
  });
});

test('version 1 takes numbers and numbers as text, and ends its listener alone', async () => {
  const launched = await launch([], { protocol: 1 });
  const answer = await launched.answer();
  const { port } = commOf(answer).state;
  const client = await launched.connect(answer);
  const send = async (text: string): Promise<void> => {
    await new Promise((resolve) => {
      connect({ host: '127.0.0.1', port }).on('close', resolve).on('error', resolve).resume().end(text);
    });
  };
  const { reply } = await launched.executeEndless(client, endless['time.sleep']);
  await send('{"signum": "2", "more": []}');
  expect((await reply).content).toMatchObject({ ename: 'KeyboardInterrupt' });
  await send('{"shutdown": 1}');
  await until({ what: 'the end of the listener' }, async () => !(await commOf(answer).isAlive()));
  expect((await client.execute('print(2)')).output).toBe('2\n');
});

test('tells how the kernel ended and what it wrote last, and is told that this is known', async () => {
  const launched = await launch();
  const answer = await launched.answer();
  const comm = commOf(answer);
  const client = await launched.connect(answer);
  // Past ipykernel, which sends what is written to the descriptor 2 to the notebook.
  const code =
    'import os, sys\nos.write(sys.__stderr__.fileno(), "é".encode() * 6000 + b"x\\xff last words")\nos.abort()';
  client.execute(code).catch(() => undefined);
  const status = await statusAtEnd(comm);
  expect(status.exit).toMatchObject({ reason: 'signalled', signal: 'SIGABRT' });
  expect(Buffer.byteLength(status.logTail)).toBeLessThanOrEqual(8000);
  await comm.shutdown();
  expect(await launched.end()).toEqual({ code: 134, signal: null });
});

test('what the kernel writes is kept, and reaches the log of the launcher too', async () => {
  // A kernel class that does not exist: the kernel says so where it ends.
  const launched = await launch(['--kernel-class-name', 'no.such.Kernel']);
  const comm = commOf(await launched.answer());
  const status = await statusAtEnd(comm);
  expect(status.exit).toMatchObject({ reason: 'exited', exitCode: 1 });
  const line = /^launch_ipykernel\.py: --kernel-class-name no\.such\.Kernel cannot be loaded: .*$/m;
  expect(status.logTail).toMatch(line);
  await comm.shutdown();
  expect(await launched.end()).toEqual({ code: 1, signal: null });
  expect(launched.stderr.text).toMatch(line);
});

test('after the end of the kernel it answers for as long as it was told, and then ends', async () => {
  const launched = await launch([], { env: { GP_LAUNCHER_LINGER_SECONDS: '3' } });
  const answer = await launched.answer();
  await launched.connect(answer);
  kill(answer.pid ?? 0, 'SIGKILL');
  expect((await statusAtEnd(commOf(answer))).exit).toMatchObject({ signal: 'SIGKILL' });
  expect(launched.child.exitCode).toBeNull();
  expect(await launched.end()).toEqual({ code: 137, signal: null });
  await launched.nothingLeft();
});

describe('nothing is left', () => {
  /** A kernel with a child of its own. */
  async function withChild(env: Readonly<Record<string, string>> = {}): Promise<{
    readonly launched: LaunchUnderTest;
    readonly kernelPid: number;
    readonly comm: CommChannel;
  }> {
    const launched = await launch([], { env });
    const answer = await launched.answer();
    const client = await launched.connect(answer);
    const { content } = await client.execute('import subprocess; child = subprocess.Popen(["sleep", "1000"])');
    expect(content['status']).toBe('ok');
    // Launcher, guard, kernel, sleep.
    expect(await launched.processes()).toHaveLength(4);
    if (answer.pid === undefined) throw new Error('no pid');
    return { launched, kernelPid: answer.pid, comm: commOf(answer) };
  }

  test('when the launcher is killed', async () => {
    const { launched } = await withChild();
    kill(launched.pid, 'SIGKILL');
    expect(await launched.end()).toEqual({ code: null, signal: 'SIGKILL' });
    await launched.nothingLeft();
    expect(await readdir(await bench.scratch.folder('tmp'))).toEqual([]);
  });

  test('when the launcher and its group are killed', async () => {
    const { launched } = await withChild();
    kill(-launched.pid, 'SIGKILL');
    await launched.nothingLeft();
  });

  test('when the kernel is killed', async () => {
    const { launched, kernelPid } = await withChild({ GP_LAUNCHER_LINGER_SECONDS: '0' });
    kill(kernelPid, 'SIGKILL');
    expect(await launched.end()).toEqual({ code: 137, signal: null });
    await launched.nothingLeft();
    expect(await readdir(await bench.scratch.folder('tmp'))).toEqual([]);
  });

  test.each(['launcher first', 'kernel first'])('when both are killed, the %s', async (order) => {
    const { launched, kernelPid } = await withChild();
    const pids = [launched.pid, kernelPid];
    for (const pid of order === 'kernel first' ? pids.reverse() : pids) kill(pid, 'SIGKILL');
    await launched.nothingLeft();
  });

  test('when the guard is killed', async () => {
    const { launched, kernelPid } = await withChild({ GP_LAUNCHER_LINGER_SECONDS: '0' });
    const python = (await launched.processes()).filter(({ command }) => command.includes('launch_ipykernel'));
    const guard = python.find(({ pid }) => pid !== launched.pid && pid !== kernelPid);
    kill(guard?.pid ?? 0, 'SIGKILL');
    expect(await launched.end()).toEqual({ code: 143, signal: null });
    await launched.nothingLeft();
  });

  test('when the launcher is told to end', async () => {
    const { launched } = await withChild();
    kill(launched.pid, 'SIGTERM');
    expect(await launched.end()).toEqual({ code: 143, signal: null });
    await launched.nothingLeft();
  });

  test('when the process ends that the launcher is to follow', async () => {
    const argv = pythonLauncherArgv(python);
    const launched = await bench.launch({
      argv: (parameters) => ['sh', '-c', 'JPY_PARENT_PID=$$ "$@"; true', 'sh', ...argv(parameters)],
    });
    await launched.connect();
    kill(launched.pid, 'SIGKILL');
    await launched.nothingLeft();
  });

  test('when the gateway orders it, although the kernel does not listen', async () => {
    const { launched, comm } = await withChild();
    const client = await launched.connect();
    await client.execute('import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)');
    await comm.shutdown();
    expect(await launched.end()).toEqual({ code: 137, signal: null });
    await launched.nothingLeft();
  });

  test('when the kernel shuts down by itself', async () => {
    const { launched, comm } = await withChild();
    const client = await launched.connect();
    client.execute('exit()').catch(() => undefined);
    expect((await statusAtEnd(comm)).exit).toMatchObject({ reason: 'exited', exitCode: 0 });
    await comm.shutdown();
    expect(await launched.end()).toEqual({ code: 0, signal: null });
    await launched.nothingLeft();
  });
});

test('an interrupt of the launcher is one of the kernel', async () => {
  const launched = await launch();
  const client = await launched.connect();
  const { reply } = await launched.executeEndless(client, endless['while True: pass']);
  kill(launched.pid, 'SIGINT');
  expect((await reply).content).toMatchObject({ ename: 'KeyboardInterrupt' });
});

test('interrupts before the kernel is ready do not end it', async () => {
  const launched = await launch();
  const answer = await launched.answer();
  for (let count = 0; count < 20; count += 1) expect(await commOf(answer).signal(2)).toBe(true);
  const client = await launched.connect(answer);
  expect((await client.execute('print(3)')).output).toBe('3\n');
});

describe('the lease', () => {
  test('ends the kernel when it is lost', async () => {
    const launched = await launch([], { expect: { leaseMs: 2000 } });
    await launched.answer();
    expect(await launched.end()).toEqual({ code: 143, signal: null });
    await launched.nothingLeft();
  });

  test('is held by renewing', async () => {
    // It is renewed every two seconds: the machine may stand still for another four.
    const launched = await launch([], { expect: { leaseMs: 6000 } });
    const comm = commOf(await launched.answer());
    const held = comm.holdLease();
    stack.defer(() => {
      held[Symbol.dispose]();
    });
    const endsAt = performance.now() + 7000;
    await until({ what: 'a lease to pass', timeoutMs: 20_000 }, () => performance.now() > endsAt);
    expect(await comm.isAlive()).toBe(true);
  });
});

describe('secrets', () => {
  test.each(['env', 'file'] as const)('given in %s are gone before the kernel starts', async (secretAs) => {
    const launched = await launch([], { secretAs });
    const client = await launched.connect();
    const code = [
      'import os',
      'found = [name for name in os.environ if name == "GP_LAUNCHER_V2"]',
      'path = "/proc/self/environ"',
      'given = open(path, "rb").read() if os.path.exists(path) else b""',
      'print(found, b"GP_LAUNCHER_V2" in given)',
    ];
    expect((await client.execute(code.join('\n'))).output).toBe('[] False\n');
    expect(await readdir(await bench.scratch.folder('secrets'))).toEqual([]);
    const connection = (await launched.answer()).connection;
    expect(launched.stdout.text + launched.stderr.text).not.toContain(connection.key);
  });

  test('the connection file is for its owner alone', async () => {
    const launched = await launch();
    const client = await launched.connect();
    const code = 'import os, ipykernel; print(oct(os.stat(ipykernel.get_connection_file()).st_mode & 0o777))';
    expect((await client.execute(code)).output).toBe('0o600\n');
  });
});

describe('Spark', () => {
  const modules = join(import.meta.dirname, '../../python/launchers/fake_spark');
  let folder = '';

  beforeEach(async () => {
    folder = await bench.scratch.folder('spark');
    await mkdir(folder, { recursive: true });
  });

  const spark = async (mode: string): Promise<LaunchUnderTest> =>
    await launch(['--spark-context-initialization-mode', mode], {
      env: { PYTHONPATH: modules, GP_FAKE_SPARK: folder },
    });
  const go = async (text = ''): Promise<void> => {
    await writeFile(join(folder, 'go'), text);
  };
  const calls = async (): Promise<string> => await readFile(join(folder, 'calls'), 'utf8').catch(() => '');

  test('none: nothing of it', async () => {
    const client = await (await spark('none')).connect();
    expect((await client.execute('print("spark" in globals())')).output).toBe('False\n');
    expect(await calls()).toBe('');
  });

  test('lazy: the kernel is ready before the session, and waits for it where it is used', async () => {
    const launched = await spark('lazy');
    const client = await launched.connect();
    expect((await client.execute('type(sc).__name__')).output).toContain('WaitingForSparkSessionToBeInitialized');
    const used = client.execute('print(sc.version, sql("q"), type(spark).__name__)');
    await go();
    // The placeholder was the value when the line began; afterwards the name holds the real one.
    expect((await used).output).toMatch(/^fake result of q /);
    expect((await client.execute('print(type(spark).__name__, type(sc).__name__)')).output).toBe(
      'SparkSession SparkContext\n',
    );
  });

  test('eager: the session is there when the kernel is', async () => {
    const launched = await spark('eager');
    await launched.answer();
    await until({ what: 'the session to be asked for', timeoutMs: 60_000 }, async () => (await calls()) !== '');
    await go();
    const client = await launched.connect();
    expect((await client.execute('print(type(spark).__name__)')).output).toBe('SparkSession\n');
  });

  test('an interrupt cancels the jobs', async () => {
    await go();
    const launched = await spark('eager');
    const answer = await launched.answer();
    const client = await launched.connect(answer);
    const { reply } = await launched.executeEndless(client, endless['time.sleep']);
    expect(await commOf(answer).signal(2)).toBe(true);
    expect((await reply).content).toMatchObject({ ename: 'KeyboardInterrupt' });
    await until({ what: 'the jobs to be cancelled' }, async () => (await calls()).includes('cancelAllJobs'));
    expect((await client.execute('print(4)')).output).toBe('4\n');
  });

  test('without a cluster, the variables say so', async () => {
    await go('fail');
    const launched = await spark('eager');
    const client = await launched.connect();
    const { content } = await client.execute('sc.version');
    expect(content).toMatchObject({ ename: 'RuntimeError', evalue: 'Variable: sc was not initialized properly.' });
    await until({ what: 'the log' }, () => launched.stderr.text.includes('could not be started: no cluster\n'));
  });

  test('without pyspark, the kernel starts all the same', async () => {
    const launched = await launch(['--spark-context-initialization-mode', 'lazy']);
    const client = await launched.connect();
    expect((await client.execute('print("spark" in globals())')).output).toBe('False\n');
    // It comes by way of the launcher, which may be later than the kernel's answer.
    await until({ what: 'the log' }, () => launched.stderr.text.includes('pyspark is not installed'));
  });

  test('Dask without its package is an error of one line', async () => {
    const launched = await launch(['--cluster-type', 'dask']);
    const status = await statusAtEnd(commOf(await launched.answer()));
    expect(status.logTail).toMatch(/launch_ipykernel\.py: --cluster-type dask needs the package dask_yarn: .*\n$/);
  });
});
