import { mkdir, readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { asNobody } from '../testing/as-nobody.ts';
import { testCli } from '../testing/run-in-test.ts';
import type { TestCli } from '../testing/run-in-test.ts';
import { runImageCli } from './run-image-cli.ts';

const run = (cli: TestCli, args: string) => cli.run(args === '' ? [] : args.split(' '), { program: runImageCli });

async function tree(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
}

const listener = ['gateway_crypto', 'gateway_protocol', 'kernel_process', 'launch_options', 'server_listener'];
const python = ['launch_ipykernel.py', ...listener.map((name) => `${name}.py`)].map(
  (name) => `kernel-launchers/python/scripts/${name}`,
);

describe('install', () => {
  it('puts Python launchers and the script into a folder, ready to run', async () => {
    await using cli = await testCli();
    const { exitCode, stdout, stderr } = await run(cli, 'install --path image');
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const folder = join(cli.folder, 'image');
    expect(stdout).toContain(`Wrote ${join(folder, 'bootstrap-kernel.sh')}\n`);
    expect(stdout).toMatch(/KERNEL_LANGUAGE=python and CMD \[".*bootstrap-kernel\.sh"\]\n$/);
    expect(await tree(folder)).toEqual(
      ['bootstrap-kernel.sh', 'kernel-launchers/installed.json', ...python.sort()].sort(),
    );
    for (const [path, mode] of [
      ['bootstrap-kernel.sh', 0o755],
      ['kernel-launchers/python/scripts/launch_ipykernel.py', 0o755],
      ['kernel-launchers/python/scripts/server_listener.py', 0o644],
      ['kernel-launchers/python', 0o755],
    ] as const) {
      expect((await stat(join(folder, path))).mode & 0o777).toBe(mode);
    }
  });

  it.each([
    ['--languages python r', ['python', 'r']],
    ['--languages Python --languages R', ['python', 'r']],
    ['--languages TypeScript,python,node', ['node', 'python']],
  ])('%s', async (options, languages) => {
    await using cli = await testCli();
    const { stdout } = await run(cli, `install --path . --json ${options}`);
    expect(JSON.parse(stdout)).toMatchObject({ dry_run: false, folder: cli.folder, languages, warnings: [] });
    const { stdout: listed } = await run(cli, 'list --path . --json');
    expect(JSON.parse(listed)).toMatchObject({ languages });
  });

  it('adds a language to those that are there, and leaves what others put there', async () => {
    await using cli = await testCli();
    await run(cli, 'install --path .');
    const own = join(cli.folder, 'kernel-launchers/python/scripts/sitecustomize.py');
    await writeFile(own, 'mine');
    await writeFile(join(cli.folder, 'kernel-launchers/python/scripts/server_listener.py'), 'damaged');
    expect((await run(cli, 'list --path .')).stdout).toMatch(/server_listener\.py +changed\n/);
    expect((await run(cli, 'install --path . --launchers-only --languages r')).exitCode).toBe(0);
    expect((await run(cli, 'install --path . --languages python')).exitCode).toBe(0);
    expect(await readFile(own, 'utf8')).toBe('mine');
    const { stdout } = await run(cli, 'list --path . --json');
    const { languages, files } = JSON.parse(stdout) as { languages: string[]; files: { state: string }[] };
    expect(languages).toEqual(['python', 'r']);
    expect(files.length).toBeGreaterThan(10);
    expect(new Set(files.map(({ state }) => state))).toEqual(new Set(['as installed']));
    expect((await readdir(cli.folder)).sort()).toEqual(['bootstrap-kernel.sh', 'kernel-launchers']);
  });

  it('brings the assembly for Scala, or says that it is missing; a new jar replaces the old one', async () => {
    await using cli = await testCli();
    const write = async (path: string): Promise<void> => {
      await mkdir(join(cli.folder, path, '..'), { recursive: true });
      await writeFile(join(cli.folder, path), path);
    };
    await write('own/bootstrap/bootstrap-kernel.sh');
    await write('own/scala/lib/toree-launcher_1.jar');
    const install = 'install --path image --languages scala --launchers-dir own';
    const without = await run(cli, install);
    expect(without).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('install Apache Toree first') });
    await write('toree-assembly-0.5.0.jar');
    const given = await run(cli, `${install} --toree-assembly toree-assembly-0.5.0.jar`);
    expect(given).toMatchObject({ exitCode: 0, stderr: '' });
    await rename(
      join(cli.folder, 'own/scala/lib/toree-launcher_1.jar'),
      join(cli.folder, 'own/scala/lib/toree-launcher_2.jar'),
    );
    await run(cli, install);
    const lib = await readdir(join(cli.folder, 'image/kernel-launchers/scala/lib'));
    expect(lib.sort()).toEqual(['toree-assembly-0.5.0.jar', 'toree-launcher_2.jar']);
    const missing = await run(cli, `${install} --toree-assembly none.jar`);
    expect(missing).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('none.jar') });
    await write('own/scala/lib/toree-launcher_3.jar');
    expect(await run(cli, install)).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('there are several'),
    });
  });

  it('writes nothing with --dry-run', async () => {
    await using cli = await testCli();
    const { exitCode, stdout } = await run(cli, 'install --path image --dry-run --languages node');
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`Would write ${join(cli.folder, 'image/kernel-launchers/node/launch_kernel.mjs')}\n`);
    expect(await readdir(cli.folder)).toEqual([]);
  });

  it.each([
    ['', 2, 'Usage:'],
    ['instal', 2, 'Did you mean install?'],
    ['install here', 2, 'too many arguments'],
    ['install --languages julia', 2, 'use python, r, scala, node'],
    ['install --launcher-only', 2, 'Did you mean --launchers-only?'],
    ['install --path . --launchers-dir none', 2, 'none'],
    ['install --path file', 1, 'cannot be changed'],
    ['remove --path .', 1, 'nothing is installed in'],
  ])('"%s" ends with %d and has written nothing', async (args, exitCode, message) => {
    await using cli = await testCli();
    await writeFile(join(cli.folder, 'file'), 'x');
    const result = await run(cli, args);
    expect(result).toMatchObject({ exitCode, stdout: '', stderr: expect.stringContaining(message) });
    expect(await readdir(cli.folder)).toEqual(['file']);
  });

  it('leaves everything as it was when the last step fails', async () => {
    await using cli = await testCli();
    await run(cli, 'install --path .');
    const before = await tree(cli.folder);
    await mkdir(join(cli.folder, 'kernel-launchers/R'), { recursive: true });
    await writeFile(join(cli.folder, 'kernel-launchers/R/scripts'), 'a file where a folder has to be');
    const { exitCode, stderr } = await run(cli, 'install --path . --languages r');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^jupyter-image-bootstrap: [^\n]*\n$/);
    expect(await tree(cli.folder)).toEqual([...before, 'kernel-launchers/R/scripts'].sort());
  });

  it('says where else to install without permission', async () => {
    await using cli = await testCli();
    await mkdir(join(cli.folder, 'locked'), { mode: 0o500 });
    const result = await asNobody(cli.folder, () => run(cli, 'install --path locked'));
    expect(result).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('--path') });
  });
});

describe('remove', () => {
  it('removes what was installed, and nothing else', async () => {
    await using cli = await testCli();
    await run(cli, 'install --path image --languages python node');
    const own = join(cli.folder, 'image/kernel-launchers/python/scripts/sitecustomize.py');
    await writeFile(own, 'mine');
    const { exitCode, stdout } = await run(cli, 'remove --path image --json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ removed: expect.arrayContaining(['bootstrap-kernel.sh', ...python]) });
    expect(await tree(join(cli.folder, 'image'))).toEqual(['kernel-launchers/python/scripts/sitecustomize.py']);
    expect((await run(cli, 'list --path image')).stdout).toMatch(/^Nothing is installed in /);
  });
});

it('teaches', async () => {
  await using cli = await testCli();
  const { exitCode, stdout } = await run(cli, 'install --help-all');
  expect(exitCode).toBe(0);
  expect(stdout).toContain('RUN jupyter-image-bootstrap install\n');
  for (const command of ['install', 'list', 'remove']) expect((await run(cli, '--help')).stdout).toContain(command);
});
