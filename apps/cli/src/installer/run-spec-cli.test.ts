import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { SpecBackend } from '@gateway-provisioners/installer';
import { asNobody } from '../testing/as-nobody.ts';
import { testCli } from '../testing/run-in-test.ts';
import type { TestCli } from '../testing/run-in-test.ts';
import { runSpecCli } from './run-spec-cli.ts';
import { specPrograms } from './spec-programs.ts';

const backends = ['docker', 'k8s', 'yarn', 'ssh'] as const;

const run = (cli: TestCli, backend: SpecBackend, options: { args: string; env?: Record<string, string> }) =>
  cli.run(options.args === '' ? [] : options.args.split(' '), {
    env: { HOME: cli.folder, ...options.env },
    program: (context) => runSpecCli(backend, context),
  });

const kernels = (cli: TestCli) => join(cli.folder, '.local/share/jupyter/kernels');

async function config(cli: TestCli, name: string): Promise<unknown> {
  const json: unknown = JSON.parse(await readFile(join(kernels(cli), name, 'kernel.json'), 'utf8'));
  return (json as { metadata: { kernel_provisioner: { config: unknown } } }).metadata.kernel_provisioner.config;
}

describe.each(backends)('jupyter-%s-spec', (backend) => {
  const { name, examples } = specPrograms[backend];

  it('teaches', async () => {
    await using cli = await testCli();
    const help = await run(cli, backend, { args: '--help' });
    for (const command of ['install', 'list', 'remove']) expect(help.stdout).toContain(command);
    for (const args of ['install --help', 'install --help-all', 'help install']) {
      const { exitCode, stdout } = await run(cli, backend, { args });
      expect(exitCode).toBe(0);
      expect(stdout).toContain('GP_LAUNCH_TIMEOUT');
      expect(stdout).toContain(`Examples:\n  # ${examples[0]![0]}\n  ${name} ${examples[0]![1]}\n`);
    }
  });

  it.each(examples.map(([, args]) => args))('example: %s', async (example) => {
    await using cli = await testCli();
    const words = [...example.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
    const args = words.includes('--launchers-dir') ? words.slice(0, words.indexOf('--launchers-dir')) : words;
    const user = args.includes('--user') ? [] : ['--user'];
    const program = (context: Parameters<typeof runSpecCli>[1]) => runSpecCli(backend, context);
    const result = await cli.run([...args, ...user], { program });
    expect(result.exitCode).toBe(0);
    expect(result.stderr).not.toContain('no effect');
  });

  it('installs, lists, refuses a second one, replaces, removes', async () => {
    await using cli = await testCli();
    expect(await run(cli, backend, { args: 'list' })).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^No kernelspecs/),
    });
    const installed = await run(cli, backend, { args: 'install --user --kernel-name Mine --display-name One' });
    expect(installed).toMatchObject({ exitCode: 0, stdout: `Installed mine in ${join(kernels(cli), 'mine')}\n` });
    const again = await run(cli, backend, { args: 'install --user --kernel-name MINE --display-name Two' });
    expect(again).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining('--replace replaces it') });
    expect((await run(cli, backend, { args: 'list' })).stdout).toMatch(/^NAME .*\nmine {2}One /);
    const replaced = await run(cli, backend, {
      args: 'install --user --kernel-name MINE --display-name Two --replace',
    });
    expect(replaced.exitCode).toBe(0);
    const { stdout } = await run(cli, backend, { args: 'list --user --json' });
    expect(JSON.parse(stdout)).toMatchObject({
      kernelspecs: { mine: { resource_dir: join(kernels(cli), 'mine'), spec: { display_name: 'Two' } } },
    });
    expect(await run(cli, backend, { args: 'remove Mine' })).toMatchObject({
      exitCode: 0,
      stdout: `Removed ${join(kernels(cli), 'mine')}\n`,
    });
    expect(await readdir(kernels(cli))).toEqual([]);
  });

  it.each([
    ['isntall', 'Did you mean install?'],
    ['install --kernle-name x', 'Did you mean --kernel-name?'],
    ['install --display_name x', 'Did you mean --display-name?'],
    ['install here', 'too many arguments'],
    ['install --user --prefix /x', "'--user' cannot be used with option '--prefix"],
    ['install --sys-prefix --prefix /x', 'cannot be used with'],
    ['install --user --sys-prefix', 'cannot be used with'],
    ['install --user --language julia', 'one or more of Python, R, Scala'],
    ['install --user --kernel-name ../x', 'names consist of letters'],
    ['install --user --kernel-name ø', 'names consist of letters'],
    ['install --user --kernel-name=', 'must not be empty'],
    ['install --user --port-range 2..1', 'at least 1000'],
    ['install --user --port-range x', 'two numbers are expected'],
    ['install --user --launch-timeout soon', 'expected whole seconds'],
    ['install --user --ipykernel-subclass-name x', 'give the class with its module'],
    ['install --user --launchers-dir /no/such/folder', '/no/such/folder'],
    ['install --user --config /no/such/file.json', '/no/such/file.json'],
    ['install --user --config settings.py', 'a Python program'],
    ['install --user --log-level loud', 'use DEBUG'],
    ['install --sys-prefix', 'no CONDA_PREFIX'],
    ['install --OtherApp.kernel_name=x', 'unknown option'],
    ['remove', "missing required argument 'names'"],
  ])('ends with 2 for "%s", and has written nothing', async (args, message) => {
    await using cli = await testCli();
    const result = await run(cli, backend, { args });
    expect(result).toMatchObject({ exitCode: 2, stdout: '', stderr: expect.stringContaining(message) });
    expect(result.stderr).toMatch(new RegExp(`^jupyter-${backend}-spec: [^\\n]*\\n$`));
    expect(await readdir(cli.folder)).toEqual([]);
  });

  it('tells what there is where nothing is asked for', async () => {
    await using cli = await testCli();
    expect(await run(cli, backend, { args: '' })).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: expect.stringContaining('Usage:'),
    });
  });

  it('says where else to install without permission', async () => {
    await using cli = await testCli();
    await mkdir(join(cli.folder, 'locked'), { mode: 0o500 });
    const result = await asNobody(cli.folder, () => run(cli, backend, { args: 'install --prefix locked' }));
    expect(result).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining('--user') });
    expect(result.stderr).toMatch(new RegExp(`^jupyter-${backend}-spec: [^\\n]*\\n$`));
    expect(await readdir(join(cli.folder, 'locked'))).toEqual([]);
  });

  it('prints kernel.json and writes nothing with --dry-run', async () => {
    await using cli = await testCli();
    const { exitCode, stdout } = await run(cli, backend, { args: 'install --user --dry-run --kernel-name x' });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ display_name: expect.any(String), argv: expect.any(Array) });
    expect(await readdir(cli.folder)).toEqual([]);
  });

  it('tells programs what it did with --json', async () => {
    await using cli = await testCli();
    const { stdout } = await run(cli, backend, { args: 'install --user --json --kernel-name x --language R,Scala' });
    expect(JSON.parse(stdout)).toMatchObject({
      dry_run: false,
      kernelspecs: [
        {
          name: 'x_r',
          resource_dir: join(kernels(cli), 'x_r'),
          files: expect.arrayContaining(['kernel.json', 'kernel.js']),
        },
        { name: 'x_scala', spec: { language: 'scala' } },
      ],
      warnings: expect.any(Array),
    });
    expect((await readdir(kernels(cli))).sort()).toEqual(['x_r', 'x_scala']);
    const removed = await run(cli, backend, { args: 'remove --json x_r x_scala X_R' });
    expect(JSON.parse(removed.stdout)).toEqual({ removed: [join(kernels(cli), 'x_r'), join(kernels(cli), 'x_scala')] });
  });
});

describe('options', () => {
  it('come from the command line, else a file, else variables', async () => {
    await using cli = await testCli();
    await writeFile(
      join(cli.folder, 'settings.json'),
      JSON.stringify({
        Application: { log_level: 30 },
        DockerSpecInstaller: { image_name: 'from-file' },
        BaseSpecApp: { image_name: 'weaker', port_range: '40000..42000' },
      }),
    );
    const env = { GP_IMAGE_NAME: 'from-env', GP_AUTHORIZED_USERS: 'bob,alice', GP_LAUNCH_TIMEOUT: '60' };
    await run(cli, 'docker', { args: 'install --user', env });
    const common = { authorized_users: ['alice', 'bob'], launch_timeout: 60 };
    expect(await config(cli, 'docker_python')).toEqual({ image_name: 'from-env', ...common });
    await run(cli, 'docker', { args: 'install --user --replace --config settings.json', env });
    const fromFile = { image_name: 'from-file', port_range: '40000..42000', ...common };
    expect(await config(cli, 'docker_python')).toEqual(fromFile);
    await run(cli, 'docker', { args: 'install --user --replace --config settings.json --image-name flag', env });
    expect(await config(cli, 'docker_python')).toEqual({ ...fromFile, image_name: 'flag' });
  });

  it("may be given in Jupyter's long form", async () => {
    await using cli = await testCli();
    const args =
      'install --BaseSpecApp.user=True --BaseSpecApp.replace=False --SshSpecInstaller.remote_hosts=a --remote-hosts b';
    expect((await run(cli, 'ssh', { args })).exitCode).toBe(0);
    expect(await config(cli, 'ssh_python')).toEqual({ launch_timeout: 30, remote_hosts: ['a', 'b'] });
    expect((await run(cli, 'ssh', { args })).exitCode).toBe(1);
  });

  it('are problems of the file that has them', async () => {
    await using cli = await testCli();
    for (const [text, message] of [
      ['{', 'cannot be read as JSON'],
      ['[]', 'does not hold a JSON object'],
      ['{"BaseSpecApp": {"kernel_nam": "x"}}', 'kernel_name'],
    ] as const) {
      await writeFile(join(cli.folder, 'settings.json'), text);
      const result = await run(cli, 'docker', { args: 'install --user --config settings.json' });
      expect(result).toMatchObject({ exitCode: 2, stderr: expect.stringContaining(message) });
    }
  });

  it('without effect are warnings, which --log-level can hide', async () => {
    await using cli = await testCli();
    const args = 'install --user --dry-run --spark-init-mode eager --tensorflow --executor-image-name x';
    const { stderr } = await run(cli, 'k8s', { args });
    expect(stderr.match(/^Warning: /gm)).toHaveLength(3);
    expect((await run(cli, 'k8s', { args: `${args} --log-level ERROR` })).stderr).toBe('');
    expect((await run(cli, 'k8s', { args: `${args} --debug` })).stderr).toMatch(/^Debug: options \[\{/);
  });

  it('for launchers: what is needed and not there is a warning', async () => {
    await using cli = await testCli();
    expect(await run(cli, 'ssh', { args: 'install --user' })).toMatchObject({ exitCode: 0, stderr: '' });
    const { exitCode, stderr } = await run(cli, 'ssh', { args: 'install --user --language Scala' });
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/needs .*lib\/toree-assembly-\*\.jar in/);
    const launchers = join(cli.folder, 'launchers/python/scripts');
    await mkdir(launchers, { recursive: true });
    for (const file of ['launch_ipykernel.py', 'server_listener.py']) await writeFile(join(launchers, file), file);
    const again = await run(cli, 'ssh', { args: 'install --user --replace --launchers-dir launchers' });
    expect(again).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await readFile(join(kernels(cli), 'ssh_python/scripts/launch_ipykernel.py'), 'utf8')).toBe(
      'launch_ipykernel.py',
    );
  });
});

describe('remove', () => {
  it('removes none when one of the names is unknown or for another backend', async () => {
    await using cli = await testCli();
    await run(cli, 'docker', { args: 'install --user' });
    await run(cli, 'ssh', { args: 'install --user' });
    for (const [args, message] of [
      ['remove docker_python docker_pythn', 'did you mean docker_python'],
      ['remove docker_python ssh_python', 'is not for Docker but for distributed-provisioner'],
    ] as const) {
      const result = await run(cli, 'docker', { args });
      expect(result).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining(message) });
    }
    expect((await readdir(kernels(cli))).sort()).toEqual(['docker_python', 'ssh_python']);
    expect((await run(cli, 'docker', { args: 'remove --force docker_python ssh_python' })).exitCode).toBe(0);
    expect(await readdir(kernels(cli))).toEqual([]);
  });

  it('of one that cannot be read needs --force', async () => {
    await using cli = await testCli();
    await mkdir(join(kernels(cli), 'broken'), { recursive: true });
    await writeFile(join(kernels(cli), 'broken/kernel.json'), '{');
    expect(await run(cli, 'k8s', { args: 'remove broken' })).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('is not JSON'),
    });
    expect((await run(cli, 'k8s', { args: 'remove --force broken' })).exitCode).toBe(0);
  });
});

describe('kernelspecs validate', () => {
  it('says ok, warns, and fails on errors', async () => {
    await using cli = await testCli();
    await run(cli, 'docker', { args: 'install --user' });
    const good = await cli.run(['kernelspecs', 'validate', join(kernels(cli), 'docker_python')]);
    expect(good).toMatchObject({ exitCode: 0, stderr: '' });
    expect(good.stdout).toMatch(
      /^docker_python \(docker-provisioner\) .*\n {2}(ok|warning: .*not part of this installation)\n$/,
    );
    await mkdir(join(kernels(cli), 'broken'), { recursive: true });
    await writeFile(join(kernels(cli), 'broken/kernel.json'), '{"argv": ["x", "{connection_fil}"]}');
    const bad = await cli.run(['kernelspecs', 'validate', kernels(cli)]);
    expect(bad).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining('  error: argv.1: nothing is filled in for {connection_fil}; did you mean'),
      stderr: 'gateway-provisioners: 1 of 2 kernelspecs cannot be used as they are\n',
    });
    const json = await cli.run(['kernelspecs', 'validate', '--json']);
    expect(json.exitCode).toBe(1);
    const { kernelspecs, ...rest } = JSON.parse(json.stdout) as { kernelspecs: { path: string }[] };
    // A machine may have kernelspecs of its own, for everybody.
    const own = kernelspecs.filter(({ path }) => path.startsWith(cli.folder));
    expect({ ...rest, kernelspecs: own }).toMatchObject({
      kernelspecs: [
        {
          name: 'broken',
          findings: expect.arrayContaining([expect.objectContaining({ severity: 'error', where: 'argv.1' })]),
        },
        { name: 'docker_python', provisioner: 'docker-provisioner' },
      ],
      problems: [],
    });
  });

  it.each([
    [['validate', 'none'], 1, 'there is no folder'],
    [['validate', 'a', 'b'], 2, 'too many arguments'],
    [['validate', '--jsno'], 2, 'Did you mean --json?'],
  ] as const)('%j ends with %d', async (args, exitCode, message) => {
    await using cli = await testCli();
    const result = await cli.run(['kernelspecs', ...args]);
    expect(result).toMatchObject({ exitCode, stdout: '', stderr: expect.stringContaining(message) });
  });

  it('has nothing to say of nothing', async () => {
    await using cli = await testCli();
    expect(await cli.run(['kernelspecs', 'validate', cli.folder])).toMatchObject({
      exitCode: 0,
      stdout: 'No kernelspecs.\n',
    });
  });
});
