import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** As a stranger would, without what npm tells the scripts that it runs here; a failure shows all that was printed. */
async function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly timeout?: number } = {},
): Promise<string> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('npm_')));
  try {
    return (await execute(program, args, { maxBuffer: 1 << 26, env, ...options })).stdout;
  } catch (error) {
    const printed = error instanceof Error && 'stderr' in error && 'stdout' in error ? error : undefined;
    throw new Error(`${String(error)}\n${String(printed?.stdout)}\n${String(printed?.stderr)}`, { cause: error });
  }
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
}

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
    const tarballs: string[] = [];
    for (const group of ['packages', 'apps']) {
      for (const name of await readdir(join(root, group))) {
        const manifest = JSON.parse(await readFile(join(root, group, name, 'package.json'), 'utf8')) as Manifest;
        if (manifest.private === true) continue;
        const args = ['pack', '--json', '--pack-destination', folder];
        const parsed: unknown = JSON.parse(await run('npm', args, { cwd: join(root, group, name) }));
        tarballs.push(join(folder, fileNameOf(parsed)));
      }
    }
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

function fileNameOf(packed: unknown): string {
  // npm 11 prints an array; later versions an object keyed by package name.
  const entries: unknown[] = Array.isArray(packed) ? packed : Object.values(packed as Record<string, unknown>);
  const first = entries[0];
  if (typeof first === 'object' && first !== null && 'filename' in first && typeof first.filename === 'string') {
    return first.filename.replace(/^@/, '').replace('/', '-');
  }
  throw new Error(`npm pack printed something unexpected: ${JSON.stringify(packed)}`);
}
