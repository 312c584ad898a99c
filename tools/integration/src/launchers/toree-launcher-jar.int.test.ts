import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import { runProgram } from '../support/run-program.ts';
import type { ProgramResult } from '../support/run-program.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import type { ScratchFolder } from '../support/scratch-folder.ts';
import { workspaceFolder } from '../support/test-environment.ts';
import { jvmFuzzTarget } from './jvm-fuzz.ts';
import { JvmPrograms } from './jvm-programs.ts';
import { sparkTestbed, toreeLauncherJar } from './spark-testbed.ts';

const { javaHome } = sparkTestbed();
const stack = new ResourceStack();
let scratch: ScratchFolder;
let programs: JvmPrograms;

beforeAll(async () => {
  scratch = stack.use(await createScratchFolder());
  programs = await JvmPrograms.compile(await scratch.folder('classes'), javaHome);
});

afterAll(async () => {
  await stack[Symbol.asyncDispose]();
});

test('the jar in the repository is what its sources give', async () => {
  const command = [process.execPath, 'packages/launchers/scala/build.mjs', '--check', toreeLauncherJar()] as const;
  const env = await scratch.environment({ extra: { JAVA_HOME: javaHome } });
  const result = await runProgram({ command, cwd: workspaceFolder, env, timeoutMs: 120_000 });
  expect(result).toMatchObject({ exitCode: 0, stderr: '' });
});

test('the vectors', async () => {
  const vectors = join(workspaceFolder, 'packages/launcher-protocol/vectors');
  const { exitCode, stdout } = await programs.run('launcher.VectorCheck', [vectors], { timeoutMs: 60_000 });
  expect(stdout).toMatch(/^\d{2,} checked, 0 failed\n$/);
  expect(exitCode).toBe(0);
});

test('a few seconds of fuzzing', async () => {
  const { runs, accepted } = await jvmFuzzTarget.run(1, 3000);
  expect(runs).toBeGreaterThan(1000);
  expect(accepted).toBeGreaterThan(100);
});

describe('what it is told wrongly, it says in one line', () => {
  const id = ['--kernel-id', 'a'];
  const address = ['--response-address', '127.0.0.1:1'];
  // 1024 bits.
  const key = [
    '--public-key',
    'MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCnioTcU1yVHAkhqqV8EvE2D7kQ/PSwB+7EfRNvGzNdJz7HJ5oFEcJd2lYLX0gS',
  ];
  const secret = (fields: object): Record<string, string> => ({
    GP_LAUNCHER_V2: Buffer.from(JSON.stringify(fields)).toString('base64'),
  });

  const start = async (args: readonly string[], env: Record<string, string> = {}): Promise<ProgramResult> =>
    await programs.run('launcher.ToreeLauncher', args, { timeoutMs: 60_000, env });

  interface BadLaunch {
    readonly args: readonly string[];
    readonly message: RegExp;
    readonly env?: Record<string, string>;
  }
  const v1 = [...id, ...key, ...address];
  const v2 = [...id, ...address];
  const mode = '--RemoteProcessProxy.spark-context-initialization-mode';
  const foreign = secret({ version: 2, kernel_id: 'b' });

  test.each<[string, BadLaunch]>([
    ['nothing', { args: [], message: /--kernel-id is missing/ }],
    ['an option without its value', { args: ['--kernel-id', ...address], message: /--kernel-id is missing/ }],
    ['a kernel id with a slash', { args: ['--kernel-id', '../a'], message: /--kernel-id may have/ }],
    ['no key', { args: [...id, ...address], message: /--public-key is missing/ }],
    ['no address', { args: [...id, ...key], message: /--response-address is missing/ }],
    ['an address without a port', { args: [...id, '--response-address=host'], message: /'host' is no host:port/ }],
    ['a port that is none', { args: [...id, '--response-address=h:70000'], message: /no port from 1 to 65535/ }],
    ['a broken key', { args: v1, message: /--public-key is no RSA key/ }],
    ['a range too small', { args: [...v1, '--port-range=4000..4010'], message: /Range size must be at least 1000/ }],
    ['a range backwards', { args: [...v1, '--port-range=9000..4000'], message: /Range size must be/ }],
    ['a range without numbers', { args: [...v1, '--port-range=a..b'], message: /Expected two numbers/ }],
    ['a range too high', { args: [...v1, '--port-range=65000..67000'], message: /Invalid port range '65000..67000'/ }],
    ['no such mode', { args: [...id, `${mode}=now`], message: /'now' is none of lazy/ }],
    ['no such signal', { args: [...v1, '--alternate-sigint=XYZ'], message: /this Java gives no such signal/ }],
    ['encryption', { args: [...id, '--transport-encryption=required'], message: /Toree has no CurveZMQ/ }],
    ['a connection file', { args: [...id, '--profile', '/tmp/x'], message: /leave the option out/ }],
    ['a secret that is none', { args: v2, message: /it is no base64/, env: { GP_LAUNCHER_V2: '?' } }],
    ["another kernel's secret", { args: v2, message: /for another kernel id/, env: foreign }],
    ['a secret in no file', { args: v2, message: /its file cannot be read/, env: { GP_LAUNCHER_V2: '/no/such' } }],
  ])('%s', async (_name, { args, message, env }) => {
    const { exitCode, stdout, stderr } = await start(args, env);
    expect(stderr).toMatch(/^ToreeLauncher: [^\n]+\n$/);
    expect(stderr).toMatch(message);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  });

  test('a range without enough free ports', async () => {
    const range = ['--port-range', '41000..41003'];
    const { exitCode, stdout, stderr } = await start([...v1, ...range], { GP_MIN_PORT_RANGE_SIZE: '3' });
    expect(stderr).toMatch(
      /^ToreeLauncher: 6 free ports are needed and 41000\.\.41003 has \d: widen --port-range [^\n]+\n$/,
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
  });

  test('an address where nobody is', async () => {
    const fields = { version: 2, kernel_id: 'a', public_key: Buffer.alloc(32, 9).toString('base64') };
    const env = secret({ ...fields, token: Buffer.alloc(32, 1).toString('base64'), lease_seconds: 0 });
    const { exitCode, stderr } = await start([...id, ...address], {
      ...env,
      GP_LAUNCHER_RETRY_SECONDS: '1',
      GP_LAUNCHER_LINGER_SECONDS: '0',
    });
    expect(stderr).toMatch(/^ToreeLauncher: the gateway could not be told about the kernel: 127\.0\.0\.1:1: [^\n]+\n$/);
    expect(exitCode).toBe(1);
  });
});
