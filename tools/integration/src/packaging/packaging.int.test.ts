import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workspaceFolder as root } from '../support/test-environment.ts';
import { packPackages, runAsStranger as run } from './packed-packages.ts';

/** What a stranger's program looks like; it is type-checked against the tarballs, then run. */
const program = `
import { ConfigError, isProvisionerError } from '@gateway-provisioners/core';
import { createKernelManager } from '@gateway-provisioners/kernel-manager';
import type { Kernel } from '@gateway-provisioners/kernel-manager';
import { localProvisioner } from '@gateway-provisioners/provisioner-local';

await using manager = await createKernelManager({ provisioners: [localProvisioner], env: process.env });
const kernel: Kernel = await manager.start({ name: 'deno' });
for await (const message of kernel.execute('6 * 7')) {
  if (message.header.msg_type === 'execute_result') console.log(JSON.stringify(message.parseContent()['data']));
}
const failure: unknown = await manager.start({ name: 'dena' }).catch((error: unknown) => error);
if (isProvisionerError(failure) && !(failure instanceof ConfigError)) console.log('unknown kernelspec:', failure.code);
`;

describe('packed packages', () => {
  let folder = '';

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'packed-'));
    await run('npm', ['run', '--silent', 'build'], { cwd: root });
    const tarballs = await packPackages(folder);
    await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'stranger', private: true, type: 'module' }));
    await run('npm', ['install', '--no-audit', '--no-fund', ...tarballs], { cwd: folder });
  }, 300_000);

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test('a program compiles against the published types and runs a kernel', async () => {
    await writeFile(join(folder, 'program.ts'), program);
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          module: 'nodenext',
          target: 'es2022',
          lib: ['es2023'],
          strict: true,
          types: ['node'],
          typeRoots: [join(root, 'node_modules', '@types')],
          skipLibCheck: false,
        },
        files: ['program.ts'],
      }),
    );
    await run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', folder]);
    const stdout = await run(process.execPath, ['program.js'], { cwd: folder, timeout: 60_000 });
    expect(stdout).toContain('42');
    expect(stdout).toContain('unknown kernelspec: KERNELSPEC_NOT_FOUND');
  });

  test('the command line answers from the installed package', async () => {
    const stdout = await run(join(folder, 'node_modules', '.bin', 'gateway-provisioners'), ['kernelspecs', 'list']);
    expect(stdout).toContain('deno');
  });
});
