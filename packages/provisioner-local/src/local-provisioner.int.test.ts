import { describe, expect, test } from '@jest/globals';
import type { KernelSpec } from '@gateway-provisioners/core';
import { provisionerConformance, pythonLanguage } from '@gateway-provisioners/testkit';
import { localProvisioner } from './index.ts';
import { LocalBench, pidsOf } from './testing/local-bench.ts';

const python = process.env['GP_TEST_PYTHON'];
if (python === undefined) throw new Error('GP_TEST_PYTHON is not set: eval "$(tools/testbeds/python.sh env)"');

const kernelSpec: KernelSpec = {
  name: 'python3',
  displayName: 'Python 3',
  language: 'python',
  argv: [python, '-m', 'ipykernel_launcher', '-f', '{connection_file}'],
  env: {},
  interruptMode: 'signal',
  metadata: { supported_encryption: ['curve'] },
  extra: {},
  provisioner: { provisionerName: 'local-provisioner', config: {} },
};
const env = { PATH: '/usr/bin:/bin', HOME: '/tmp' };

describe('local-provisioner conforms with ipykernel', () => {
  const cases = provisionerConformance({
    definition: localProvisioner,
    kernelSpec,
    env,
    language: pythonLanguage,
    concurrency: 4,
    launchTimeoutMs: 60_000,
  });
  for (const { name, run } of cases) test(name, run);
});

describe('ipykernel', () => {
  test('is told our process id when the setting says so', async () => {
    await using bench = await LocalBench.open({ config: { parent_pid: true } });
    const kernel = await bench.launch(bench.context(kernelSpec, { env, deadline: Date.now() + 60_000 }));
    const client = await bench.connect(kernel);
    const { output } = await client.execute('import os; print(os.environ["JPY_PARENT_PID"])');
    expect(output.trim()).toBe(String(process.pid));
  });

  test('answers over CurveZMQ', async () => {
    await using bench = await LocalBench.open();
    const context = bench.context(kernelSpec, { env, deadline: Date.now() + 60_000, transportEncryption: 'required' });
    const kernel = await bench.launch(context);
    expect(kernel.connection.current.info.curve_publickey).toHaveLength(40);
    const client = await bench.connect(kernel);
    expect((await client.execute('print(6 * 7)')).output).toBe('42\n');
  });

  test('answers over ipc', async () => {
    await using bench = await LocalBench.open({ config: { transport: 'ipc' } });
    const kernel = await bench.launch(bench.context(kernelSpec, { env, deadline: Date.now() + 60_000 }));
    const client = await bench.connect(kernel);
    expect((await client.execute('print(6 * 7)')).output).toBe('42\n');
  });

  test('what an import error says is in the error of the launch', async () => {
    await using bench = await LocalBench.open();
    const argv = [python, '-m', 'no_such_kernel_module', '{connection_file}'];
    const launch = bench.provisioner.launch(bench.context({ ...kernelSpec, argv }, { env }));
    await expect(launch).rejects.toThrow(/exit code 1[\s\S]*No module named no_such_kernel_module/);
  });

  test('kill ends worker processes that a cell has started', async () => {
    await using bench = await LocalBench.open();
    const context = bench.context(kernelSpec, { env, deadline: Date.now() + 60_000 });
    const kernel = await bench.launch(context);
    const client = await bench.connect(kernel);
    const code = 'import subprocess; p = subprocess.Popen(["sleep", "1000"], start_new_session=True); print(p.pid)';
    const pid = Number((await client.execute(code)).output);
    expect(await pidsOf(context)).toContain(pid);
    await kernel.kill();
    expect(await pidsOf(context)).toEqual([]);
  });
});
