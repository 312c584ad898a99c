import { describe, expect, it } from '@jest/globals';
import type { KernelLanguage } from '../types.ts';
import { PRINT_WORDS, runShellFolder } from '../testing/run-sh.ts';
import type { RunShellFolder } from '../testing/run-sh.ts';
import { renderKernelSpec } from '../render.ts';
import { variants } from '../testing/variants.ts';
import { kubernetesSparkScript, sshSparkScript, yarnDaskScript, yarnSparkScript } from './run-scripts.ts';

const args = ['--kernel-id', 'k1', '--transport-encryption', '', '--public-key', 'a+b/c=='];

async function prepared(): Promise<RunShellFolder> {
  const folder = await runShellFolder();
  await folder.write('spark/bin/spark-submit', PRINT_WORDS);
  await folder.write('lib/toree-assembly-0.5.0.jar', '');
  await folder.write('lib/toree-launcher_2.12.jar', '');
  await folder.write('scala/lib/toree-assembly-0.5.0.jar', '');
  await folder.write('scala/lib/toree-launcher_2.12.jar', '');
  await folder.write('scripts/server_listener.py', '');
  return folder;
}

const baseEnv = (folder: RunShellFolder): NodeJS.ProcessEnv => ({
  PATH: '',
  SPARK_HOME: `${folder.path}/spark`,
  KERNEL_ID: 'k1',
  KERNEL_USERNAME: 'ann',
  KERNEL_LAUNCHERS_DIR: folder.path,
});

describe('run.sh', () => {
  it.each([
    ['k8s_python_spark', 'local://HOME/python/scripts/launch_ipykernel.py'],
    ['k8s_r_spark', 'local://HOME/R/scripts/launch_IRkernel.R'],
    ['k8s_scala_spark', 'local://HOME/scala/lib/toree-launcher_2.12.jar'],
    ['yarn_spark_python', 'HOME/scripts/launch_ipykernel.py'],
    ['yarn_spark_r', 'HOME/scripts/launch_IRkernel.R'],
    ['yarn_spark_scala', 'HOME/lib/toree-launcher_2.12.jar'],
    ['ssh_python_spark', 'HOME/scripts/launch_ipykernel.py'],
    ['ssh_r_spark', 'HOME/scripts/launch_IRkernel.R'],
    ['ssh_scala_spark', 'HOME/lib/toree-launcher_2.12.jar'],
    ['ssh_scala', 'HOME/lib/toree-launcher_2.12.jar'],
  ])('of %s gives spark-submit its options, the launcher, and the arguments untouched', async (variant, launcher) => {
    await using folder = await prepared();
    const { kernelJson, runScript } = renderKernelSpec(variants[variant]!, { folder: () => folder.path });
    const specEnv = kernelJson['env'] as Record<string, string>;
    const { exitCode, words, stderr } = await folder.run(runScript!, {
      args,
      env: {
        ...specEnv,
        ...baseEnv(folder),
        LAUNCH_OPTS: '--first "a b"',
        KERNEL_EXTRA_SPARK_OPTS: '--conf "x=y z"',
        KERNEL_NAMESPACE: 'ns',
      },
    });
    expect(stderr).toMatch(/^run\.sh: starting .* for ann\n$/);
    expect(exitCode).toBe(0);
    const home = folder.path;
    expect(words[0]).toBe(`${home}/spark/bin/spark-submit`);
    const at = words.indexOf(launcher.replace('HOME', home));
    expect(at).toBeGreaterThan(0);
    expect(words.slice(-args.length)).toEqual(args);
    const own = words.slice(at + 1, -args.length);
    expect(own).toEqual(
      runScript!.title.includes('Toree') ? ['--alternate-sigint', 'USR2', '--first', 'a b'] : ['--first', 'a b'],
    );
    const options = words.slice(1, at).join('\n');
    expect(options).toContain('--conf\nx=y z');
    expect(options).toContain(`--name\n${variant.startsWith('k8s') ? 'ann-k1' : 'k1'}`);
    if (runScript!.title.includes('Toree')) expect(options).toContain('--class\nlauncher.ToreeLauncher');
    // What the options leave open is empty, not literal.
    expect(options).not.toMatch(/\$\{/);
  });

  it('of Dask submits to YARN', async () => {
    await using folder = await prepared();
    await folder.write('dask-yarn', PRINT_WORDS);
    const { words } = await folder.run(yarnDaskScript(), {
      args,
      env: { ...baseEnv(folder), DASK_YARN_EXE: `${folder.path}/dask-yarn`, DASK_OPTS: '--name ${KERNEL_ID:-x}' },
    });
    expect(words).toEqual([
      `${folder.path}/dask-yarn`,
      'submit',
      '--name',
      'k1',
      `${folder.path}/scripts/launch_ipykernel.py`,
      ...args,
    ]);
  });

  it.each(['True', 'true', '1'])('impersonates when GP_IMPERSONATION_ENABLED is %s', async (enabled) => {
    await using folder = await prepared();
    const env = { ...baseEnv(folder), GP_IMPERSONATION_ENABLED: enabled };
    const yarn = await folder.run(yarnSparkScript('Python'), { env });
    expect(yarn.words.join(' ')).toContain('--proxy-user ann');
    await folder.write('path/sudo', PRINT_WORDS);
    const ssh = await folder.run(sshSparkScript('Python'), { env: { ...env, PATH: `${folder.path}/path` } });
    expect(ssh.words.slice(1, 7)).toEqual([
      '-H',
      '-E',
      '-u',
      'ann',
      `PATH=${folder.path}/path`,
      `${folder.path}/spark/bin/spark-submit`,
    ]);
    const nobody = await folder.run(yarnSparkScript('Python'), { env: { ...env, KERNEL_USERNAME: '' } });
    expect(nobody).toMatchObject({
      exitCode: 1,
      words: [],
      stderr: expect.stringContaining('KERNEL_USERNAME must be set'),
    });
  });

  it.each(['False', '', undefined])('does not when it is %j', async (enabled) => {
    await using folder = await prepared();
    const { words } = await folder.run(yarnSparkScript('Python'), {
      env: { ...baseEnv(folder), GP_IMPERSONATION_ENABLED: enabled },
    });
    expect(words).not.toContain('--proxy-user');
  });

  it.each([
    ['KERNEL_USERNAME', 'x --conf spark.evil=1'],
    ['KERNEL_USERNAME', '$(id)'],
    ['KERNEL_USERNAME', '`id`'],
    ['KERNEL_USERNAME', '#0'],
    ['KERNEL_USERNAME', '-u'],
    ['KERNEL_ID', "a'b"],
    ['KERNEL_IMAGE', 'a"b'],
    ['KERNEL_NAMESPACE', 'a\nb'],
    ['KERNEL_EXECUTOR_IMAGE', 'a\\b'],
    ['KERNEL_SERVICE_ACCOUNT_NAME', 'a\tb'],
  ])('refuses %s=%j', async (name, value) => {
    await using folder = await prepared();
    for (const script of [
      kubernetesSparkScript('Python'),
      yarnSparkScript('Scala'),
      sshSparkScript('R'),
      yarnDaskScript(),
    ]) {
      const env = { ...baseEnv(folder), DASK_YARN_EXE: 'x', [name]: value };
      const result = await folder.run(script, { args, env });
      expect(result).toMatchObject({
        exitCode: 1,
        words: [],
        stderr: expect.stringContaining(`${name} cannot be used`),
      });
    }
  });

  it.each<[string, KernelLanguage]>([
    ['SPARK_HOME', 'Python'],
    ['KERNEL_ID', 'R'],
  ])('needs %s', async (name, language) => {
    await using folder = await prepared();
    const result = await folder.run(kubernetesSparkScript(language), { env: { ...baseEnv(folder), [name]: '' } });
    expect(result).toMatchObject({ exitCode: 1, words: [], stderr: `run.sh: ${name} must be set\n` });
  });

  it("needs Toree's jars, one of each", async () => {
    await using folder = await runShellFolder();
    await folder.write('spark/bin/spark-submit', PRINT_WORDS);
    const run = () => folder.run(yarnSparkScript('Scala'), { env: baseEnv(folder) });
    expect(await run()).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('toree-assembly-*.jar is missing'),
    });
    await folder.write('lib/toree-assembly-1.jar', '');
    expect(await run()).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('toree-launcher*.jar is missing'),
    });
    await folder.write('lib/toree-launcher1.jar', '');
    await folder.write('lib/toree-launcher2.jar', '');
    expect(await run()).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('more than one file') });
  });

  it('prefers what is given at the start over what Toree was installed with', async () => {
    await using folder = await prepared();
    const { words } = await folder.run(yarnSparkScript('Scala'), {
      env: { ...baseEnv(folder), SPARK_OPTS: '--mine', TOREE_OPTS: '--own', __TOREE_SPARK_OPTS__: '--theirs' },
    });
    expect(words).toContain('--mine');
    expect(words).toContain('--own');
    expect(words).not.toContain('--theirs');
  });

  it('ships the listener along with the launcher, if it is there', async () => {
    await using folder = await runShellFolder();
    await folder.write('spark/bin/spark-submit', PRINT_WORDS);
    const run = async (language: KernelLanguage) =>
      (await folder.run(yarnSparkScript(language), { env: baseEnv(folder) })).words;
    expect(await run('Python')).not.toContain('--py-files');
    await folder.write('scripts/server_listener.py', '');
    const listener = `${folder.path}/scripts/server_listener.py`;
    expect((await run('Python')).join('\n')).toContain(`--py-files\n${listener}`);
    expect((await run('R')).join('\n')).toContain(`--files\n${listener}`);
    await folder.write('scripts/gateway_crypto.py', '');
    const names = ['server_listener', 'gateway_crypto', 'gateway_protocol', 'kernel_process', 'launch_options'];
    const all = names.map((name) => `${folder.path}/scripts/${name}.py`).join(',');
    const words = await run('Python');
    expect(words[words.lastIndexOf('--py-files') + 1]).toBe(all);
    expect((await run('R')).join('\n')).toContain(`--files\n${all}`);
  });
});
