import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { TestKernelClient } from '@gateway-provisioners/testkit';
import { testPython } from '../support/test-environment.ts';
import { LauncherBench } from './launcher-bench.ts';
import { pythonLauncherArgv } from './python-launcher-argv.ts';

/** `dask_yarn` as far as a launcher needs it, and a kernel class. */
const modules = join(import.meta.dirname, '../../python/launchers/fake_dask');

let bench: LauncherBench;

beforeEach(async () => {
  bench = await LauncherBench.start();
});

afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

async function start(...options: readonly string[]): Promise<TestKernelClient> {
  const argv = pythonLauncherArgv(testPython(), ...options);
  const launched = await bench.launch({ argv, env: { PYTHONPATH: modules, GP_FAKE_DASK: 'application_1' } });
  return await launched.connect();
}

async function output(client: TestKernelClient, code: string): Promise<string> {
  return (await client.execute(code)).output;
}

test('Dask: the cluster of which the kernel is a part is there as `cluster`, and nothing of Spark', async () => {
  const client = await start('--cluster-type', 'dask', '--spark-context-initialization-mode', 'eager');
  expect(await output(client, 'print(type(cluster).__name__, cluster.application)')).toBe(
    'YarnCluster application_1\n',
  );
  expect(await output(client, 'print({"spark", "sc", "sql"} & set(globals()))')).toBe('set()\n');
});

test('the kernel is of the class that --kernel-class-name names', async () => {
  const client = await start('--kernel-class-name', 'own_kernel.OwnKernel');
  expect(await output(client, 'print(type(get_ipython().kernel).__name__)')).toBe('OwnKernel\n');
  const info = await client.request('kernel_info_request', { content: {} });
  expect(info.content).toMatchObject({ status: 'ok', banner: 'A kernel that is not of the launcher' });
});
