import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import type { CommChannel, CommStatus, LauncherAnswer } from '@gateway-provisioners/core';
import type { TestKernelClient } from '@gateway-provisioners/testkit';
import { createScratchFolder } from '../support/scratch-folder.ts';
import { until } from '../support/until.ts';
import { expectSequencedComm } from './comm-sequence.ts';
import { LauncherBench, kill } from './launcher-bench.ts';
import type { LaunchOptions, LaunchUnderTest } from './launcher-bench.ts';
import { LauncherFront } from './launcher-front.ts';
import { sparkEnv, sparkTestbed, toreeArgv } from './spark-testbed.ts';
import type { SparkTestbed } from './spark-testbed.ts';
import { startTheirResponseManager } from './their-response-manager.ts';

const testbed: SparkTestbed = sparkTestbed();
/** Milliseconds for whatever Toree does: it compiles each cell, and other suites may be running. */
const TOREE_MS = 90_000;
const stack = new ResourceStack();
let bench: LauncherBench;
let tmpdir = '';

beforeAll(async () => {
  bench = stack.use(await LauncherBench.start());
  tmpdir = stack.use(await createScratchFolder()).path;
});

afterAll(async () => {
  await stack[Symbol.asyncDispose]();
});

interface ToreeOptions extends Partial<LaunchOptions> {
  readonly legacy?: boolean;
  readonly options?: readonly string[];
  readonly on?: LauncherBench;
}

async function launch({ legacy, options = [], on = bench, ...more }: ToreeOptions = {}): Promise<LaunchUnderTest> {
  const argv = toreeArgv(testbed, { tmpdir, options, ...(legacy === undefined ? {} : { legacy }) });
  return await on.launch({ argv, ...more, env: { ...sparkEnv(testbed), ...more.env } });
}

function commOf(answer: LauncherAnswer): CommChannel {
  if (answer.comm === undefined) throw new Error('the launcher has no listener');
  return answer.comm;
}

async function statusAtEnd(comm: CommChannel): Promise<CommStatus> {
  return await until({ what: 'the end of the kernel', timeoutMs: TOREE_MS }, async () => {
    const status = await comm.status();
    return status?.alive === false ? status : undefined;
  });
}

async function gone(comm: CommChannel): Promise<void> {
  await until({ what: 'the end of the listener', timeoutMs: 30_000 }, async () => !(await comm.isAlive()));
}

async function run(client: TestKernelClient, code: string): Promise<string> {
  const { content, output } = await client.execute(code, { timeoutMs: TOREE_MS });
  expect(content).toMatchObject({ status: 'ok' });
  return output;
}

/**
 * Upon an interrupt Toree looks for 100 ms, after it made a Spark context where there is none, whether a cell runs, and then
 * interrupts whatever does: that may be the cell after the interrupted one, which may fail or lose its result. So this one
 * says when Toree is done with it.
 */
async function executesAgain(client: TestKernelClient): Promise<void> {
  const what = 'a cell after the interrupted one';
  const handlers = 'Thread.getAllStackTraces.keySet.toArray.map(_.toString).count(_.contains("SIGUSR2 handler"))';
  const code = `if (${handlers} > 0) "Toree still interrupts" else "executed"`;
  await until({ what, timeoutMs: TOREE_MS }, async () => {
    return (await client.execute(code, { timeoutMs: TOREE_MS })).output === 'executed\n';
  });
}

/** Sends bytes to the comm port and closes. */
async function say(port: number, data: string | Buffer): Promise<void> {
  await new Promise((resolve) => {
    connect({ host: '127.0.0.1', port }).on('close', resolve).on('error', resolve).resume().end(data);
  });
}

const mark = (file: string): string => `new java.io.File(${JSON.stringify(file)}).createNewFile()`;
const endless = {
  'a busy loop': (file: string) => `${mark(file)}; while (true) {}`,
  'Thread.sleep': (file: string) => `${mark(file)}; Thread.sleep(1000000)`,
};
/** Spark lets running tasks finish when their job is cancelled; the others never begin. */
const sparkJob = (file: string): string =>
  `sc.parallelize(1 to 1000000, 100000).foreach { _ => ${mark(file)}; Thread.sleep(20) }`;
const hasSession = 'org.apache.spark.sql.SparkSession.getDefaultSession.isDefined';

const garbage = [
  '',
  '{',
  '[]',
  'null',
  '{"signum": "x"}',
  '{"signum": 99999}',
  '{"signum": {}}',
  '\u0000\n',
  '{"signum": -1}',
];
const moreGarbage = [
  '['.repeat(60_000),
  'x'.repeat(200_000),
  '{"version":2,"nonce":1,"box":{}}\n',
  Buffer.from([255, 254, 10]),
];

async function sendGarbage(port: number, cleanUp: ResourceStack): Promise<void> {
  for (let count = 0; count < 200; count += 1) {
    const stalled = connect({ host: '127.0.0.1', port }).on('error', () => undefined);
    cleanUp.defer(() => stalled.destroy());
  }
  await Promise.all([...garbage, ...moreGarbage].map(async (data) => say(port, data)));
}

describe('version 2', () => {
  let launched: LaunchUnderTest;
  let answer: LauncherAnswer;
  let client: TestKernelClient;

  beforeAll(async () => {
    launched = await launch({ secretAs: 'file' });
    answer = await launched.answer();
    client = await launched.connect(answer);
  }, 2 * TOREE_MS);

  test('answers with what it is and where it listens', () => {
    expect(answer).toMatchObject({ version: 2, pid: launched.pid, pgid: launched.pid });
    expect(answer.connection).toMatchObject({ kernel_name: 'Apache Toree Scala', transport: 'tcp' });
  });

  test('executes Scala, with a Spark context when it is first used', async () => {
    expect(await run(client, '1 + 1')).toBe('2\n');
    expect(await run(client, hasSession)).toBe('false\n');
    expect(await run(client, 'sc.parallelize(1 to 10).sum')).toBe('55.0\n');
    expect(await run(client, 'sc.master')).toBe('local[2]\n');
  });

  test('sends what a cell puts out in its order, and idle last', async () => {
    const code = 'for (i <- 1 to 100) { kernel.display.content("text/plain", s"d$i"); kernel.stream.sendAll(s"s$i") }';
    const { iopub } = await client.execute(code, { timeoutMs: TOREE_MS });
    const sent = iopub.map((message) => {
      const content = message.parseContent();
      return content['data'] ?? content['text'] ?? content['execution_state'];
    });
    const each = Array.from({ length: 100 }, (_, index) => String(index + 1));
    const expected = each.flatMap((i) => [{ 'text/plain': `d${i}` }, `s${i}`]);
    expect(sent.slice(-expected.length - 1)).toEqual([...expected, 'idle']);
  });

  test('takes the requests of a connection in their order only', async () => {
    await expectSequencedComm(commOf(answer).state);
    expect(await commOf(answer).isAlive()).toBe(true);
  });

  test('keeps its secrets to itself', async () => {
    expect(await run(client, 'sys.env.contains("GP_LAUNCHER_V2")')).toBe('false\n');
    expect(await readdir(await bench.scratch.folder('secrets'))).toEqual([]);
    expect((await readdir(tmpdir)).filter((name) => name.startsWith('kernel-'))).toEqual([]);
    expect(launched.stdout.text + launched.stderr.text).not.toContain(answer.connection.key);
  });

  test.each(Object.entries(endless))('is interrupted in %s', async (_name, code) => {
    const { reply } = await launched.executeEndless(client, code);
    expect(await commOf(answer).signal(2)).toBe(true);
    expect((await reply).content).toMatchObject({ status: 'error' });
    await executesAgain(client);
  });

  test('is interrupted in a job of Spark, which is cancelled', async () => {
    const { reply } = await launched.executeEndless(client, sparkJob);
    expect(await commOf(answer).signal(2)).toBe(true);
    expect((await reply).content).toMatchObject({ status: 'error' });
    await executesAgain(client);
    // Would wait for the others' tasks; and would be stopped if the launcher took it for the interrupted cell.
    expect(await run(client, 'Thread.sleep(2000); sc.parallelize(1 to 4, 4).count')).toBe('4\n');
  });

  test('survives garbage and silence on the comm port', async () => {
    await using cleanUp = new ResourceStack();
    const comm = commOf(answer);
    await sendGarbage(comm.state.port, cleanUp);
    expect(await comm.isAlive()).toBe(true);
    expect(await comm.signal(0)).toBe(true);
    expect(await run(client, '3 + 4')).toBe('7\n');
  });

  test('tells what was written last', async () => {
    const status = await commOf(answer).status();
    expect(status).toMatchObject({ alive: true, pid: launched.pid });
    // What Toree prints when it begins; the output of cells goes to clients alone.
    expect(status?.logTail).toContain('ScalaInterpreter');
    expect(Buffer.byteLength(status?.logTail ?? '')).toBeLessThanOrEqual(8000);
  });

  test('tells that it was shut down, and leaves nothing', async () => {
    client.request('shutdown_request', { content: { restart: false } }).catch(() => undefined);
    expect((await statusAtEnd(commOf(answer))).exit).toMatchObject({ reason: 'exited', exitCode: 0 });
    expect(await launched.end()).toEqual({ code: 0, signal: null });
    expect(await commOf(answer).isAlive()).toBe(false);
    await launched.nothingLeft();
  });
});

describe('version 1', () => {
  let launched: LaunchUnderTest;
  let answer: LauncherAnswer;
  let client: TestKernelClient;

  beforeAll(async () => {
    const expected = { portRange: '21000..22500' };
    const options = ['--spark-context-initialization-mode', 'none'];
    launched = await launch({ protocol: 1, legacy: true, expect: expected, options });
    answer = await launched.answer();
    client = await launched.connect(answer);
  }, 2 * TOREE_MS);

  test('answers, with ports of the range', () => {
    expect(answer).toMatchObject({ version: 1, pid: launched.pid });
    const { shell_port, iopub_port, stdin_port, control_port, hb_port } = answer.connection;
    const ports = new Set([shell_port, iopub_port, stdin_port, control_port, hb_port, commOf(answer).state.port]);
    expect(ports.size).toBe(6);
    for (const port of ports) expect(port >= 21000 && port <= 22500).toBe(true);
  });

  test('executes Scala, and without Spark where there shall be none', async () => {
    expect(await run(client, '1 + 1')).toBe('2\n');
    expect(await run(client, hasSession)).toBe('false\n');
  });

  test.each(Object.entries(endless))('is interrupted in %s, the number as text', async (_name, code) => {
    const { reply } = await launched.executeEndless(client, code);
    await say(commOf(answer).state.port, '{"signum": "2", "more": []}');
    expect((await reply).content).toMatchObject({ status: 'error' });
    await executesAgain(client);
  });

  test('survives garbage and silence on the comm port', async () => {
    await using cleanUp = new ResourceStack();
    await sendGarbage(commOf(answer).state.port, cleanUp);
    expect(await commOf(answer).isAlive()).toBe(true);
    expect(await run(client, '3 + 4')).toBe('7\n');
  });

  test('ends its listener alone', async () => {
    await commOf(answer).shutdown();
    await gone(commOf(answer));
    expect(await run(client, '4 + 5')).toBe('9\n');
  });

  test('leaves nothing when it is killed', async () => {
    kill(launched.pid, 'SIGKILL');
    expect(await launched.end()).toEqual({ code: null, signal: 'SIGKILL' });
    await launched.nothingLeft();
    expect((await readdir(tmpdir)).filter((name) => name.startsWith('kernel-'))).toEqual([]);
  });
});

describe('its end', () => {
  test('by the lease, with a Spark context from the start, and an answer over HTTP', async () => {
    await using here = new ResourceStack();
    const front = here.use(await LauncherFront.listen());
    const other = here.use(await LauncherBench.start({ httpUrl: front.url }));
    front.listener = other.listener;
    const options = ['--spark-context-initialization-mode', 'eager'];
    const launched = await launch({ on: other, options, responseAddress: '127.0.0.1:1', expect: { leaseMs: 6000 } });
    const answer = await launched.answer();
    const held = commOf(answer).holdLease();
    const client = await launched.connect(answer);
    expect(await run(client, hasSession)).toBe('true\n');
    held[Symbol.dispose]();
    expect(await launched.end()).toMatchObject({ code: 143 });
    await launched.nothingLeft();
  });

  test('by order, before Toree is ready, after interrupts that come too early', async () => {
    const launched = await launch();
    const comm = commOf(await launched.answer());
    for (let count = 0; count < 20; count += 1) expect(await comm.signal(2)).toBe(true);
    expect(await comm.isAlive()).toBe(true);
    await comm.shutdown();
    expect(await launched.end()).toMatchObject({ code: 143 });
    await launched.nothingLeft();
  });

  test('by a signal, which it tells', async () => {
    const launched = await launch();
    const comm = commOf(await launched.answer());
    expect(await comm.signal(15)).toBe(true);
    expect((await statusAtEnd(comm)).exit).toMatchObject({ reason: 'signalled', signal: 'SIGTERM' });
    expect(await launched.end()).toMatchObject({ code: 143 });
    await launched.nothingLeft();
  });

  test.each([1, 2] as const)('by SIGKILL through the listener, version %d', async (protocol) => {
    const launched = await launch({ protocol });
    const comm = commOf(await launched.answer());
    expect(await comm.signal(9)).toBe(true);
    expect(await launched.end()).toEqual({ code: null, signal: 'SIGKILL' });
    expect(await comm.isAlive()).toBe(false);
    await launched.nothingLeft();
  });
});

test('Gateway Provisioners’ own response manager takes the answer, and the launcher its orders', async () => {
  const kernelId = randomUUID();
  await using manager = await startTheirResponseManager(bench.scratch, kernelId);
  const theirs = manager.parameters;
  const argv = toreeArgv(testbed, { tmpdir });
  const env = sparkEnv(testbed);
  const launched = await bench.launch({ protocol: 1, argv: (ours) => argv({ ...ours, ...theirs }), env });
  const info = await manager.answer();
  expect(info).toMatchObject({ kernel_id: kernelId, pid: launched.pid, kernel_name: 'Apache Toree Scala' });
  const state = { version: 1, kernelId, host: '127.0.0.1', port: Number(info['comm_port']) } as const;
  const comm = await bench.listener.openComm(state);
  expect(await comm.isAlive()).toBe(true);
  expect(await comm.signal(15)).toBe(true);
  expect(await launched.end()).toMatchObject({ code: 143 });
  await launched.nothingLeft();
});
