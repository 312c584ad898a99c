import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { PRINT_WORDS, bootstrapFolder } from './testing/bootstrap-folder.ts';
import type { BootstrapFolder } from './testing/bootstrap-folder.ts';

const given = { KERNEL_ID: 'k1', RESPONSE_ADDRESS: '10.0.0.1:8877', PUBLIC_KEY: 'MIIB+/=' };
const common = ['--kernel-id', 'k1', '--port-range', '0..0', '--response-address', '10.0.0.1:8877'];
const withKey = [...common, '--public-key', 'MIIB+/='];
const PYTHON = 'kernel-launchers/python/scripts/launch_ipykernel.py';
const R = 'kernel-launchers/R/scripts/launch_IRkernel.R';
const NODE = 'kernel-launchers/node/launch_kernel.mjs';

let folder: BootstrapFolder;
beforeEach(async () => {
  folder = await bootstrapFolder();
  for (const launcher of [PYTHON, R, NODE]) await folder.write(launcher);
  for (const program of ['python', 'Rscript', 'node', 'deno']) await folder.write(`bin/${program}`, PRINT_WORDS);
});
afterEach(async () => {
  await folder[Symbol.asyncDispose]();
});

const spark = ['--spark-context-initialization-mode', 'none'];

describe('what is started', () => {
  test.each(['python', 'Python', 'PYTHON'])('KERNEL_LANGUAGE %s', async (language) => {
    const { exitCode, words, stderr } = await folder.run({ ...given, KERNEL_LANGUAGE: language });
    expect(words).toEqual(['python', join(folder.path, PYTHON), ...withKey, ...spark]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  });

  test('Python with everything that may be set, and arguments of its own', async () => {
    const env = {
      ...given,
      KERNEL_LANGUAGE: 'python',
      PORT_RANGE: '40000..42000',
      KERNEL_SPARK_CONTEXT_INIT_MODE: 'lazy',
      KERNEL_CLASS_NAME: 'my pkg.Kernel',
      TRANSPORT_ENCRYPTION: 'Auto',
    };
    const { words } = await folder.run(env, ['--cluster-type', 'none', '$(reboot)', '']);
    const more = ['--kernel-class-name', 'my pkg.Kernel', '--transport-encryption', 'auto'];
    expect(words.slice(2)).toEqual([
      ...['--kernel-id', 'k1', '--port-range', '40000..42000', '--response-address', '10.0.0.1:8877'],
      ...['--public-key', 'MIIB+/=', '--spark-context-initialization-mode', 'lazy', ...more],
      ...['--cluster-type', 'none', '$(reboot)', ''],
    ]);
  });

  test.each(['', 'disabled', '{transport_encryption}'])('TRANSPORT_ENCRYPTION=%s is not passed on', async (value) => {
    const { words } = await folder.run({ ...given, KERNEL_LANGUAGE: 'python', TRANSPORT_ENCRYPTION: value });
    expect(words).not.toContain('--transport-encryption');
  });

  test("names of Enterprise Gateway count where Gateway Provisioners' are missing or empty", async () => {
    const env = { KERNEL_ID: 'k1', KERNEL_LANGUAGE: 'r', PORT_RANGE: '', EG_PORT_RANGE: '1..2', EG_PUBLIC_KEY: 'k' };
    const { words } = await folder.run({ ...env, EG_RESPONSE_ADDRESS: 'h:1', PUBLIC_KEY: 'mine' });
    const options = ['--kernel-id', 'k1', '--port-range', '1..2', '--response-address', 'h:1', '--public-key', 'mine'];
    expect(words).toEqual(['Rscript', join(folder.path, R), ...options, ...spark]);
  });

  test('no public key where version 2 is given', async () => {
    const { words, stdout, stderr } = await folder.run({
      KERNEL_ID: 'k1',
      RESPONSE_ADDRESS: '10.0.0.1:8877',
      GP_LAUNCHER_V2: 'c2VjcmV0',
      KERNEL_LANGUAGE: 'python',
    });
    expect(words.slice(2)).toEqual([...common, ...spark]);
    expect(stdout + stderr).not.toContain('c2VjcmV0');
  });

  test.each(['javascript', 'TypeScript', 'node'])('KERNEL_LANGUAGE %s is Deno by default', async (language) => {
    const { words } = await folder.run({ ...given, KERNEL_LANGUAGE: language });
    const deno = ['deno', 'jupyter', '--kernel', '--conn', '{connection_file}'];
    expect(words).toEqual([
      ...['node', join(folder.path, NODE), ...withKey],
      ...['--interrupt-mode', 'message', '--', ...deno],
    ]);
  });

  test("Node's kernel may be another one", async () => {
    const args = ['tslab', 'kernel', '--config-path={connection_file}'];
    const { words } = await folder.run({ ...given, KERNEL_LANGUAGE: 'node' }, args);
    expect(words.slice(2)).toEqual([...withKey, '--', ...args]);
  });

  test('Scala through spark-submit', async () => {
    await folder.write('spark/bin/spark-submit', PRINT_WORDS);
    await folder.write('kernel-launchers/scala/lib/toree-assembly-0.5.0.jar');
    await folder.write('kernel-launchers/scala/lib/toree-launcher_2.12-1.jar');
    const env = { ...given, KERNEL_LANGUAGE: 'scala', SPARK_HOME: join(folder.path, 'spark'), KERNEL_USERNAME: 'ada' };
    const { words } = await folder.run({ ...env, KERNEL_SPARK_CONTEXT_INIT_MODE: 'eager' });
    const lib = join(folder.path, 'kernel-launchers/scala/lib');
    expect(words).toEqual([
      ...['spark-submit', '--name', 'ada-k1', '--jars', join(lib, 'toree-assembly-0.5.0.jar')],
      ...['--class', 'launcher.ToreeLauncher', join(lib, 'toree-launcher_2.12-1.jar'), '--alternate-sigint', 'USR2'],
      ...[...withKey, '--spark-context-initialization-mode', 'eager'],
    ]);
  });

  test('KERNEL_LAUNCHERS_DIR says where launchers are', async () => {
    await folder.write('other/python/scripts/launch_ipykernel.py');
    const other = join(folder.path, 'other');
    const { words } = await folder.run({ ...given, KERNEL_LANGUAGE: 'python', KERNEL_LAUNCHERS_DIR: other });
    expect(words[1]).toBe(join(other, 'python/scripts/launch_ipykernel.py'));
  });

  test('python3 where there is no python', async () => {
    await using other = await bootstrapFolder();
    await other.write(PYTHON);
    await other.write('bin/python3', PRINT_WORDS);
    expect((await other.run({ ...given, KERNEL_LANGUAGE: 'python' })).words[0]).toBe('python3');
  });
});

describe('how it ends', () => {
  test.each([0, 1, 7, 137])('with the code of the kernel: %d', async (code) => {
    await folder.write('bin/python', `#!/bin/sh\nexit ${String(code)}\n`);
    const { exitCode } = await folder.run({ ...given, KERNEL_LANGUAGE: 'python' });
    expect(exitCode).toBe(code);
  });

  test('it becomes the launcher, which thus gets its signals; a parent of another machine is forgotten', async () => {
    await folder.write('bin/python', '#!/bin/sh\nprintf \'%s\\0\' "$$" "$PPID" "${JPY_PARENT_PID-unset}"\n');
    const { words } = await folder.run({ ...given, KERNEL_LANGUAGE: 'python', JPY_PARENT_PID: '42' });
    expect(words.slice(1)).toEqual([String(process.pid), 'unset']);
  });

  test.each([
    [{ KERNEL_ID: '' }, 'KERNEL_ID is not set'],
    [{ RESPONSE_ADDRESS: '' }, 'RESPONSE_ADDRESS is not set'],
    [{ PUBLIC_KEY: '' }, 'neither PUBLIC_KEY nor GP_LAUNCHER_V2 is set'],
    [{ KERNEL_LANGUAGE: '' }, 'KERNEL_LANGUAGE is not set'],
    [{ KERNEL_LANGUAGE: 'julia' }, "KERNEL_LANGUAGE is 'julia'"],
    [{ KERNEL_LAUNCHERS_DIR: '/no/such' }, 'there is no launcher /no/such/python/scripts/launch_ipykernel.py'],
    [{ KERNEL_LANGUAGE: 'scala' }, 'SPARK_HOME is not set'],
    [{ KERNEL_LANGUAGE: 'scala', SPARK_HOME: '/no/such' }, 'there is no /no/such/bin/spark-submit'],
    [{ KERNEL_LANGUAGE: 'r', TRANSPORT_ENCRYPTION: 'required' }, 'IRkernel cannot encrypt its channels'],
  ])('with 1 and one line: %j', async (env, message) => {
    const result = await folder.run({ ...given, KERNEL_LANGUAGE: 'python', ...env });
    expect(result).toMatchObject({ exitCode: 1, stdout: '' });
    expect(result.stderr).toMatch(/^bootstrap-kernel\.sh: [^\n]*\n$/);
    expect(result.stderr).toContain(message);
  });

  test.each([
    ['python', 'there is no python on the PATH'],
    ['r', 'there is no Rscript on the PATH'],
    ['node', 'there is no node on the PATH'],
  ])('with 1 and one line where an image has no program for %s', async (language, message) => {
    await using bare = await bootstrapFolder();
    for (const launcher of [PYTHON, R, NODE]) await bare.write(launcher);
    const result = await bare.run({ ...given, KERNEL_LANGUAGE: language });
    expect(result).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining(message) });
  });

  test('with 1 and one line where a jar is missing, or there are two', async () => {
    await folder.write('spark/bin/spark-submit', PRINT_WORDS);
    const env = { ...given, KERNEL_LANGUAGE: 'scala', SPARK_HOME: join(folder.path, 'spark') };
    expect((await folder.run(env)).stderr).toContain('scala/lib/toree-assembly-*.jar');
    for (const version of [1, 2])
      await folder.write(`kernel-launchers/scala/lib/toree-assembly-${String(version)}.jar`);
    const result = await folder.run(env);
    expect(result).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('leave one') });
    expect(result.stderr).toMatch(/^[^\n]*\n$/);
  });
});
