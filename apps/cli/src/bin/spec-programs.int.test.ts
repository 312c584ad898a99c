import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

/** The programs as they are installed, so that exit codes are those of real processes. */
const built = fileURLToPath(new URL('../../dist/bin', import.meta.url));

let home = '';
beforeEach(async () => {
  if (!existsSync(built)) throw new Error(`${built} does not exist: run npm run build first`);
  home = await mkdtemp(join(tmpdir(), 'spec-programs-'));
});
afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

async function run(program: string, args: readonly string[], path = '/usr/bin:/bin') {
  return await new Promise<{ exitCode: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(program, args, { env: { HOME: home, PATH: path }, cwd: home }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : error.code, stdout, stderr });
    });
  });
}

describe.each(['docker', 'k8s', 'yarn', 'ssh'])('jupyter-%s-spec', (backend) => {
  const program = join(built, `jupyter-${backend}-spec.js`);
  const node = (...args: readonly string[]) => run(process.execPath, [program, ...args]);

  it('ends with 0, 1 or 2', async () => {
    expect(await node('--version')).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    expect(await node('install', '--user')).toMatchObject({ exitCode: 0 });
    expect(await node('install', '--user')).toMatchObject({ exitCode: 1 });
    expect(await node('install', '--usr')).toMatchObject({ exitCode: 2 });
  });

  it('answers as a sub-command of jupyter', async () => {
    const python = process.env['GP_TEST_PYTHON'];
    if (python === undefined) throw new Error('GP_TEST_PYTHON is not set: eval "$(tools/testbeds/python.sh env)"');
    // What npm puts on the PATH.
    const command = join(home, `jupyter-${backend}-spec`);
    await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
    await chmod(command, 0o755);
    const path = `${home}:${dirname(python)}:/usr/bin:/bin`;
    const args = [`${backend}-spec`, 'install', '--user', '--kernel-name', 'mine'];
    expect(await run(join(dirname(python), 'jupyter'), args, path)).toMatchObject({ exitCode: 0 });
    expect(await readdir(join(home, '.local/share/jupyter/kernels'))).toEqual(['mine']);
  });
});
