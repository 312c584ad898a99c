import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ResourceStack, withDeadline } from '@gateway-provisioners/core';
import type { CommChannel, LauncherAnswer } from '@gateway-provisioners/core';
import type { TestKernelClient } from '@gateway-provisioners/testkit';
import { testPython } from '../support/test-environment.ts';
import { LauncherBench } from './launcher-bench.ts';
import type { LaunchUnderTest } from './launcher-bench.ts';
import { pythonLauncherArgv } from './python-launcher-argv.ts';
import { sparkEnv, sparkSubmit, sparkTestbed } from './spark-testbed.ts';
import type { SparkTestbed } from './spark-testbed.ts';

const SPARK_MS = 120_000;
// A JVM, a context and workers take long on a machine that is busy.
const TEST_MS = 400_000;
/** How soon a cell must end that was interrupted: long before its job would. */
const INTERRUPT_MS = 60_000;
const JOB_SECONDS = 120;
const EVEN_SUM = 'print(sc.parallelize(range(10)).filter(lambda n: n % 2 == 0).sum(), sql("select 7 as n").first().n)';
// Spark tells its tracker of a job's end after it has told whoever waits for the job.
const ACTIVE_JOBS = [
  'import time',
  'end = time.monotonic() + 30',
  'while sc.statusTracker().getActiveJobsIds() and time.monotonic() < end: time.sleep(0.01)',
  'print(list(sc.statusTracker().getActiveJobsIds()))',
].join('\n');

let testbed: SparkTestbed;
let bench: LauncherBench;
let stack = new ResourceStack();

beforeEach(async () => {
  testbed = sparkTestbed();
  bench = stack.use(await LauncherBench.start());
});

afterEach(async () => {
  await stack[Symbol.asyncDispose]();
  stack = new ResourceStack();
});

/** A kernel with a real Spark session, and what the gateway has of it. */
interface SparkKernel {
  readonly launched: LaunchUnderTest;
  readonly client: TestKernelClient;
  readonly comm: CommChannel;
}

/** Started as a plain Python, which starts a JVM of its own, or by spark-submit, whose JVM is there before. */
async function start(by: 'python' | 'spark-submit', mode: 'lazy' | 'eager'): Promise<SparkKernel> {
  const argv = pythonLauncherArgv(testbed.python, '--spark-context-initialization-mode', mode);
  const tmpdir = await bench.scratch.folder('tmp');
  // What a cancelled task leaves running is ended after two seconds otherwise, for which the next job would wait.
  const hurry = ['--conf', 'spark.python.task.killTimeout=100ms'];
  const confs = ['--conf', 'spark.ui.enabled=false', '--conf', `spark.local.dir=${tmpdir}`, ...hurry];
  const launched = await bench.launch({
    python: testbed.python,
    argv: (parameters) => {
      const [program, ...args] = argv(parameters);
      return by === 'python' ? [program, ...args] : [...sparkSubmit(testbed, tmpdir), ...hurry, ...args];
    },
    env: {
      ...sparkEnv(testbed),
      PYSPARK_PYTHON: testbed.python,
      GP_LAUNCHER_LINGER_SECONDS: '0',
      ...(by === 'python'
        ? { PYSPARK_SUBMIT_ARGS: ['--master', 'local[2]', ...confs, 'pyspark-shell'].join(' ') }
        : {}),
    },
  });
  const answer = await launched.answer();
  return { launched, client: await launched.connect(answer), comm: commOf(answer) };
}

function commOf({ comm }: LauncherAnswer): CommChannel {
  if (comm === undefined) throw new Error('the launcher has no comm channel');
  return comm;
}

/** Runs code that begins by creating the file whose path is `busy`, interrupts it, and returns its error's name. */
async function interrupted({ launched, client, comm }: SparkKernel, code: string): Promise<unknown> {
  const { reply } = await launched.executeEndless(client, (file) => `busy = ${JSON.stringify(file)}\n${code}`);
  expect(await comm.signal(2)).toBe(true);
  const { content } = await withDeadline(
    { what: 'the end of an interrupted cell', timeoutMs: INTERRUPT_MS },
    () => reply,
  );
  return content['ename'];
}

async function run({ client }: SparkKernel, code: string): Promise<string> {
  const { content, output } = await client.execute(code, { timeoutMs: SPARK_MS });
  expect(content).toMatchObject({ status: 'ok' });
  return output;
}

const ENDLESS = "open(busy, 'w').close()\nwhile True: pass";
const LONG_JOB = [
  'import time',
  'def work(n, busy=busy):',
  "    open(busy, 'w').close()",
  `    time.sleep(${String(JOB_SECONDS)})`,
  'sc.parallelize(range(2), 2).map(work).count()',
].join('\n');

async function expectJobsToBeCancelled(kernel: SparkKernel): Promise<void> {
  expect(await interrupted(kernel, LONG_JOB)).toBe('KeyboardInterrupt');
  expect(await run(kernel, EVEN_SUM)).toBe('20 7\n');
  expect(await run(kernel, ACTIVE_JOBS)).toBe('[]\n');
}

async function expectNothingLeft({ launched, comm }: SparkKernel): Promise<void> {
  expect(launched.stderr.text).not.toContain('could not be');
  await comm.shutdown();
  await launched.end();
  await launched.nothingLeft();
}

// Once is not enough: an interrupt that gets lost does so now and then.
const ROUNDS = 4;

async function expectInterruptsToWork(kernel: SparkKernel): Promise<void> {
  expect(await run(kernel, EVEN_SUM)).toBe('20 7\n');
  for (let round = 0; round < ROUNDS; round += 1) await expectJobsToBeCancelled(kernel);
  await run(kernel, 'before = (spark, sc, sc.applicationId)');
  expect(await interrupted(kernel, ENDLESS)).toBe('KeyboardInterrupt');
  expect(await run(kernel, 'print(before == (spark, sc, sc.applicationId))')).toBe('True\n');
  expect(await run(kernel, EVEN_SUM)).toBe('20 7\n');
}

describe('an interrupt ends the cell and its job, each time, and leaves the rest alone', () => {
  test.each(['python', 'spark-submit'] as const)(
    'lazy, by %s',
    async (by) => {
      const kernel = await start(by, 'lazy');
      await expectInterruptsToWork(kernel);
      await expectNothingLeft(kernel);
    },
    TEST_MS,
  );

  test(
    'eager, also with a session that the user puts in place of the first',
    async () => {
      const kernel = await start('python', 'eager');
      await expectInterruptsToWork(kernel);
      await run(kernel, 'from pyspark.sql import SparkSession\nspark.stop()');
      // With no session, there is nothing to cancel and nothing to complain about.
      expect(await interrupted(kernel, ENDLESS)).toBe('KeyboardInterrupt');
      await run(kernel, 'spark = SparkSession.builder.getOrCreate()\nsc, sql = spark.sparkContext, spark.sql');
      await expectJobsToBeCancelled(kernel);
      await expectNothingLeft(kernel);
    },
    TEST_MS,
  );

  test('without pyspark too', async () => {
    const argv = pythonLauncherArgv(testPython(), '--spark-context-initialization-mode', 'lazy');
    const launched = await bench.launch({ argv });
    const kernel = { launched, client: await launched.connect(), comm: commOf(await launched.answer()) };
    expect(await interrupted(kernel, ENDLESS)).toBe('KeyboardInterrupt');
    expect(await run(kernel, 'print("sc" in globals())')).toBe('False\n');
  });
});
