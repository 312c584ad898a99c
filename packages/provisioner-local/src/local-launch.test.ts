import { once } from 'node:events';
import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { KernelSpec } from '@gateway-provisioners/core';
import { fakeKernelProgram, fakeKernelSpec } from '@gateway-provisioners/testkit';
import { localProvisioner } from './index.ts';
import { LocalBench, pidsOf, until } from './testing/local-bench.ts';

let bench: LocalBench;
beforeEach(async () => {
  bench = await LocalBench.open();
});
afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

const withArgv = (argv: readonly string[], more: Partial<KernelSpec> = {}): KernelSpec => ({
  ...fakeKernelSpec(),
  argv,
  ...more,
});

describe('launch of a local kernel', () => {
  test('files are readable by nobody else, and the connection file is complete', async () => {
    const context = bench.context(fakeKernelSpec());
    const kernel = await bench.launch(context);
    const name = `kernel-${context.kernelId}-1`;
    expect((await readdir(bench.runtimeDir)).sort()).toEqual([name, `${name}.json`]);
    const modeOf = async (path: string) => (await stat(join(bench.runtimeDir, path))).mode & 0o777;
    expect(await modeOf(name)).toBe(0o700);
    for (const path of [`${name}.json`, `${name}/kernel.log`, `${name}/state.json`]) {
      expect([path, await modeOf(path)]).toEqual([path, 0o600]);
    }
    const written: unknown = JSON.parse(await readFile(join(bench.runtimeDir, `${name}.json`), 'utf8'));
    expect(written).toEqual(kernel.connection.current.info);
    expect(JSON.stringify(kernel.state)).not.toContain(kernel.connection.current.info.key);
  });

  test('argv: placeholders are filled, the rest arrives as data', async () => {
    const resourceDir = join(bench.runtimeDir, 'spec with $(blanks) {kernel_id}');
    await mkdir(resourceDir);
    const argv = [
      process.execPath,
      fakeKernelProgram,
      '{connection_file}',
      '--stderr={resource_dir}|{kernel_id}|{port_range}|{transport_encryption}|{response_address}',
    ];
    const context = bench.context(withArgv(argv, { resourceDir }));
    const kernel = await bench.launch(context);
    expect(await kernel.logs()).toBe(`${resourceDir}|${context.kernelId}|0..0||{response_address}\n`);
  });

  test('a program that is missing is named, with where it was looked for', async () => {
    const context = bench.context(withArgv(['python3.99', '-m', 'x']));
    await expect(bench.provisioner.launch(context)).rejects.toThrow(/"python3.99".*looked in \/usr\/bin, \/bin/);
    const empty = bench.context(withArgv([]));
    await expect(bench.provisioner.launch(empty)).rejects.toThrow(/empty `argv`/);
    const missing = bench.context(withArgv(['/no/such/program']));
    await expect(bench.provisioner.launch(missing)).rejects.toMatchObject({ code: 'LAUNCH_FAILED' });
    expect(await readdir(bench.runtimeDir)).toEqual([]);
  });

  test('a kernelspec folder that has vanished is an error only if argv needs it', async () => {
    const gone = join(bench.runtimeDir, 'gone');
    const needs = bench.context(withArgv([process.execPath, '{resource_dir}/kernel.mjs'], { resourceDir: gone }));
    await expect(bench.provisioner.launch(needs)).rejects.toThrow(/folder .*gone is gone/);
    const kernel = await bench.launch(bench.context({ ...fakeKernelSpec(), resourceDir: gone }));
    expect(await kernel.liveness()).toBe('alive');
  });

  test('a working directory that is missing is named', async () => {
    const context = bench.context(fakeKernelSpec(), { cwd: join(bench.runtimeDir, 'nowhere') });
    await expect(bench.provisioner.launch(context)).rejects.toThrow(/working directory .*nowhere does not exist/);
    expect(await readdir(bench.runtimeDir)).toEqual([]);
  });

  test('a runtime folder that cannot be written is named', async () => {
    const runtimeDir = join(bench.runtimeDir, 'file-not-folder');
    await writeFile(runtimeDir, '');
    await using provisioner = await localProvisioner.createChecked({ ...bench.services, runtimeDir }, {});
    const launch = provisioner.launch(bench.context(fakeKernelSpec()));
    await expect(launch).rejects.toThrow(/cannot write .*file-not-folder.*runtime folder/);
    await expect(launch).rejects.toMatchObject({ code: 'LAUNCH_FAILED' });
    const { resources } = await provisioner.list();
    expect(resources).toEqual([]);
    await rm(runtimeDir);
    expect((await provisioner.list()).resources).toEqual([]);
  });

  test('blanks, quotes and other scripts in paths do no harm', async () => {
    await using awkward = await LocalBench.open({ folderName: `gp 'quoted' "ü" $(x) 日本-` });
    const context = awkward.context(fakeKernelSpec());
    const kernel = await awkward.launch(context);
    const client = await awkward.connect(kernel);
    expect((await client.execute('print hello')).output).toBe('hello\n');
    await kernel.kill();
    expect(await readdir(awkward.runtimeDir)).toEqual([]);
  });

  test('ports are taken from the range', async () => {
    await using ranged = await LocalBench.open({ config: { port_range: '41000..42000' } });
    const { info } = (await ranged.launch(ranged.context(fakeKernelSpec()))).connection.current;
    for (const port of [info.shell_port, info.iopub_port, info.stdin_port, info.control_port, info.hb_port]) {
      expect(port).toBeGreaterThanOrEqual(41000);
      expect(port).toBeLessThanOrEqual(42000);
    }
  });

  test('settings with problems are refused, each named', async () => {
    const create = (config: object) => localProvisioner.createChecked(bench.services, config);
    await expect(create({ port_range: '1..2', transport: 'udp' })).rejects.toThrow(/transport/);
    await expect(create({ port_range: '50000..50001' })).rejects.toThrow(/port_range: .*at least 1000/);
    await expect(create({ max_log_bytes: -1, interpreter_path: ['bin'] })).rejects.toThrow(
      /max_log_bytes[\s\S]*interpreter_path/,
    );
    await (await create({ some_key_of_enterprise_gateway: 1 }))[Symbol.asyncDispose]();
  });

  test('a port that is taken before the kernel binds costs another try, not the launch', async () => {
    const thief = createServer();
    try {
      const counter = join(bench.runtimeDir, 'starts');
      // The first start waits until the thief has its shell_port; the second is let through.
      const script = `
        import { appendFileSync, existsSync, readFileSync } from 'node:fs';
        import { setTimeout as sleep } from 'node:timers/promises';
        appendFileSync(${JSON.stringify(counter)}, 'x');
        if (readFileSync(${JSON.stringify(counter)}, 'utf8') === 'x') {
          while (!existsSync(${JSON.stringify(`${counter}.stolen`)})) await sleep(5);
        }
        await import(${JSON.stringify(fakeKernelProgram)});
      `;
      const wrapper = join(bench.runtimeDir, 'wrapper.mjs');
      await writeFile(wrapper, script);
      const context = bench.context(withArgv([process.execPath, wrapper, '{connection_file}']));
      const launch = bench.provisioner.launch(context);
      launch.catch(() => undefined);
      const connectionFile = join(bench.runtimeDir, `kernel-${context.kernelId}-1.json`);
      await until(() =>
        readFile(counter).then(
          () => true,
          () => false,
        ),
      );
      const first = JSON.parse(await readFile(connectionFile, 'utf8')) as { shell_port: number };
      thief.listen(first.shell_port, '127.0.0.1');
      await once(thief, 'listening');
      await writeFile(`${counter}.stolen`, '');
      const kernel = await launch;
      expect(await readFile(counter, 'utf8')).toBe('xx');
      expect(kernel.connection.current.info.shell_port).not.toBe(first.shell_port);
      await bench.connect(kernel);
      await kernel.kill();
    } finally {
      thief.close();
    }
  });

  test('transport ipc: the sockets are in the kernel’s folder; a path that is too long is refused', async () => {
    await using ipc = await LocalBench.open({ config: { transport: 'ipc' } });
    const context = ipc.context(fakeKernelSpec());
    const kernel = await ipc.launch(context);
    const { info } = kernel.connection.current;
    expect(info).toMatchObject({ transport: 'ipc', ip: join(ipc.runtimeDir, `kernel-${context.kernelId}-1`, 'ipc') });
    expect((await (await ipc.connect(kernel)).execute('print over ipc')).output).toBe('over ipc\n');
    const deep = join(ipc.runtimeDir, 'x'.repeat(80));
    await mkdir(deep);
    await using long = await localProvisioner.createChecked(
      { ...ipc.services, runtimeDir: deep },
      { transport: 'ipc' },
    );
    await expect(long.launch(ipc.context(fakeKernelSpec()))).rejects.toThrow(/too long for a unix socket/);
    expect(await readdir(deep)).toEqual([]);
  });

  test('transport encryption: keys are in the connection file, and the kernel answers through them', async () => {
    const context = bench.context(fakeKernelSpec(), { transportEncryption: 'auto' });
    const kernel = await bench.launch(context);
    const { curve_publickey, curve_secretkey } = kernel.connection.current.info;
    expect([curve_publickey?.length, curve_secretkey?.length]).toEqual([40, 40]);
    const client = await bench.connect(kernel);
    expect((await client.execute('print secret')).output).toBe('secret\n');
    await using other = await localProvisioner.createChecked(bench.services, {});
    const attached = await other.attach(kernel.state);
    expect(attached?.connection.current.info).toEqual(kernel.connection.current.info);
  });

  test('a living kernel whose connection file is gone is unreachable, not gone', async () => {
    const context = bench.context(fakeKernelSpec());
    const kernel = await bench.launch(context);
    await rm(join(bench.runtimeDir, `kernel-${context.kernelId}-1.json`));
    await expect(bench.provisioner.attach(kernel.state)).rejects.toMatchObject({ code: 'KERNEL_UNREACHABLE' });
    expect(await pidsOf(context)).toHaveLength(1);
  });

  test('a copy of the state that is damaged hides nothing: the processes are still listed', async () => {
    const context = bench.context(fakeKernelSpec());
    await bench.launch(context);
    await writeFile(join(bench.runtimeDir, `kernel-${context.kernelId}-1`, 'state.json'), '{"version":');
    const { resources } = await bench.provisioner.list();
    expect(resources.map(({ kernelId }) => kernelId)).toEqual([context.kernelId]);
  });

  test('50 at once: all start, with ports of their own, and all are gone after kill', async () => {
    const contexts = Array.from({ length: 50 }, () =>
      bench.context(fakeKernelSpec(), { deadline: Date.now() + 90_000 }),
    );
    const kernels = await Promise.all(contexts.map((context) => bench.launch(context)));
    const ports = kernels.flatMap(({ connection: { current } }) => [
      current.info.shell_port,
      current.info.iopub_port,
      current.info.stdin_port,
      current.info.control_port,
      current.info.hb_port,
    ]);
    expect(new Set(ports).size).toBe(250);
    await Promise.all(kernels.map((kernel) => kernel.kill()));
    expect(await readdir(bench.runtimeDir)).toEqual([]);
    expect((await bench.provisioner.list()).resources).toEqual([]);
  }, 120_000);

  test('kernel ids that could leave the folder are refused', async () => {
    for (const kernelId of ['../x', 'a/b', '', '.hidden', 'a\0b']) {
      const context = bench.context(fakeKernelSpec(), { kernelId });
      await expect(bench.provisioner.launch(context)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    expect(await readdir(bench.runtimeDir)).toEqual([]);
  });
});
