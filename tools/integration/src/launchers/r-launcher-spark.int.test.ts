import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { launcherPath } from '@gateway-provisioners/launchers';
import { runProgram } from '../support/run-program.ts';
import { testPython, testR, workspaceFolder } from '../support/test-environment.ts';
import { until } from '../support/until.ts';
import { LauncherBench } from './launcher-bench.ts';

let bench: LauncherBench;
let sparkHome = '';

/** A Spark with nothing but the R package that stands for SparkR, where Spark has it. */
beforeAll(async () => {
  bench = await LauncherBench.start();
  sparkHome = await bench.scratch.folder('spark');
  const source = join(workspaceFolder, 'tools/integration/R/SparkR');
  const install = [
    'words <- commandArgs(TRUE)',
    'dir.create(words[[2]], recursive = TRUE)',
    'install.packages(words[[1]], lib = words[[2]], repos = NULL, type = "source", quiet = TRUE)',
    'stopifnot(requireNamespace("SparkR", lib.loc = words[[2]]))',
  ].join('; ');
  const command = [testR(), '-e', install, source, join(sparkHome, 'R/lib')] as const;
  const env = await bench.scratch.environment();
  const { exitCode, stderr } = await runProgram({ command, cwd: bench.scratch.path, env, timeoutMs: 120_000 });
  if (exitCode !== 0) throw new Error(`SparkR was not installed:\n${stderr}`);
});

afterAll(async () => {
  await bench[Symbol.asyncDispose]();
});

test.each(['lazy', 'eager'] as const)('%s: a session where it is used, and its end with the kernel', async (mode) => {
  const log = join(await bench.scratch.folder('calls'), mode);
  const calls = async (): Promise<readonly string[]> =>
    (await readFile(log, 'utf8').catch(() => '')).split('\n').filter((line) => line !== '');
  const launched = await bench.launch({
    python: testPython(),
    env: { SPARK_HOME: sparkHome, GP_FAKE_SPARK: log },
    argv: ({ kernelId, responseAddress, publicKey }) => [
      ...([testR(), launcherPath('r'), '--kernel-id', kernelId] as const),
      ...['--response-address', responseAddress, '--public-key', publicKey],
      ...['--spark-context-initialization-mode', mode],
      ...(mode === 'eager' ? ['--customAppName', 'my application'] : []),
    ],
  });
  const application = mode === 'eager' ? 'my application' : launched.kernelId;
  const made = [`session ${application}`, 'getJavaSparkContext'];
  const client = await launched.connect();
  expect((await client.execute('cat("package:SparkR" %in% search())')).output).toBe('TRUE');
  expect(await calls()).toEqual(mode === 'eager' ? made : []);
  const used = await client.execute('cat(spark$application, sc$context_of, identical(spark, sqlContext), sep = "|")');
  expect(used.output).toBe(`${application}|${application}|TRUE`);
  expect(await calls()).toEqual(made);
  client.request('shutdown_request', { content: { restart: false } }).catch(() => undefined);
  await until({ what: 'the session to be stopped', timeoutMs: 60_000 }, async () => (await calls()).includes('stop'));
  expect(await calls()).toEqual([...made, 'stop']);
  await (await launched.answer()).comm?.shutdown();
  await launched.end();
  await launched.nothingLeft();
});
