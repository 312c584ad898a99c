import { chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { testFolder } from '../testing/folders.ts';
import type { TestFolder } from '../testing/folders.ts';
import { findDenoBinary } from './deno-binary.ts';
import { denoKernelSpec, nativeKernelSpecs } from './native-kernel-specs.ts';

async function python(folder: TestFolder, site: string, version = '7.4.0') {
  await folder.write(`${site}/ipykernel/__init__.py`, '');
  await folder.write(`${site}/ipykernel/resources/logo-svg.svg`, '<svg/>');
  await folder.write(`${site}/ipykernel-${version}.dist-info/METADATA`, '');
}

const names = async (env: Record<string, string>) => (await nativeKernelSpecs({ env })).specs.map(({ name }) => name);

describe('the python3 kernel', () => {
  it('is there when the Python found can import ipykernel', async () => {
    await using folder = await testFolder();
    await folder.write('env/bin/python3.12', '', 0o755);
    await folder.write('env/bin/python3', '', 0o755);
    await folder.write('env/lib/python3.12/os.py', '');
    const env = { PATH: join(folder.path, 'env/bin'), HOME: join(folder.path, 'home') };
    expect(await names(env)).toEqual([]);
    await python(folder, 'env/lib/python3.12/site-packages');
    const { specs, problems } = await nativeKernelSpecs({ env });
    expect(problems).toEqual([]);
    expect(specs).toMatchObject([
      {
        name: 'python3',
        argv: [join(folder.path, 'env/bin/python3'), '-m', 'ipykernel_launcher', '-f', '{connection_file}'],
        displayName: 'Python 3 (ipykernel)',
        language: 'python',
        metadata: { debugger: true, supported_encryption: ['curve'] },
        resourceDir: join(folder.path, 'env/lib/python3.12/site-packages/ipykernel/resources'),
      },
    ]);
  });

  it.each(['7.2.1', '6.29.5'])('claims no encryption with ipykernel %s', async (version) => {
    await using folder = await testFolder();
    await folder.write('env/bin/python3', '', 0o755);
    await python(folder, 'env/lib/python3.11/site-packages', version);
    const { specs } = await nativeKernelSpecs({ env: { PATH: join(folder.path, 'env/bin') } });
    expect(specs[0]?.metadata).toEqual({ debugger: true });
  });

  it("uses the user's packages and, for a virtual environment, only what it includes", async () => {
    await using folder = await testFolder();
    const HOME = join(folder.path, 'home');
    await folder.write('base/bin/python3.11', '', 0o755);
    await folder.write('base/bin/python3', '', 0o755);
    await folder.write('base/lib/python3.11/os.py', '');
    await folder.write('venv/bin/python3', '', 0o755);
    const config = (include: boolean) =>
      `home = ${folder.path}/base/bin\ninclude-system-site-packages = ${String(include)}\nversion = 3.11.7\n`;
    await folder.write('venv/pyvenv.cfg', config(false));
    await python(folder, 'home/.local/lib/python3.11/site-packages');
    const venv = { HOME, VIRTUAL_ENV: join(folder.path, 'venv') };
    const base = { HOME, PATH: join(folder.path, 'base/bin') };
    expect(await names(base)).toEqual(['python3']);
    expect(await names({ ...base, PYTHONNOUSERSITE: '1' })).toEqual([]);
    expect(await names({ ...base, PYTHONUSERBASE: join(folder.path, 'nowhere') })).toEqual([]);
    expect(await names(venv)).toEqual([]);
    await folder.write('venv/pyvenv.cfg', config(true));
    expect(await names(venv)).toEqual(['python3']);
    await python(folder, 'base/lib/python3.11/site-packages');
    expect(await names({ ...venv, PYTHONNOUSERSITE: '1' })).toEqual(['python3']);
  });

  it('accepts a development install', async () => {
    await using folder = await testFolder();
    await folder.write('env/bin/python3', '', 0o755);
    const site = 'env/lib/python3.11/site-packages';
    await folder.write(`${site}/ipykernel-7.4.0.dist-info/METADATA`, '');
    const env = { PATH: join(folder.path, 'env/bin'), HOME: folder.path };
    expect(await names(env)).toEqual([]);
    await folder.write(`${site}/_ipykernel.pth`, '/src/ipykernel\n');
    expect(await names(env)).toEqual(['python3']);
  });
});

describe('the deno kernel', () => {
  it('is interrupted by message, because SIGINT ends it', () => {
    expect(denoKernelSpec('/opt/deno')).toMatchObject({
      name: 'deno',
      argv: ['/opt/deno', 'jupyter', '--kernel', '--conn', '{connection_file}'],
      interruptMode: 'message',
      language: 'typescript',
      displayName: 'Deno (TypeScript)',
    });
  });

  it('is found in the npm package of the platform, made executable if need be', async () => {
    await using folder = await testFolder();
    await folder.write('node_modules/deno/package.json', { name: 'deno' });
    const options = {
      platform: 'darwin',
      arch: 'arm64',
      resolveFrom: pathToFileURL(join(folder.path, 'main.js')),
    } as const;
    expect(await findDenoBinary({ ...options, arch: 'x64' })).toEqual({
      problem: expect.stringContaining('@deno/darwin-x64'),
    });
    await folder.write('node_modules/@deno/darwin-arm64/package.json', { name: '@deno/darwin-arm64' });
    expect(await findDenoBinary(options)).toEqual({ problem: expect.stringContaining('ENOENT') });
    const binary = await folder.write('node_modules/@deno/darwin-arm64/deno', '#!/bin/sh\n');
    await chmod(binary, 0o644);
    expect(await findDenoBinary(options)).toEqual({ path: binary });
    expect((await stat(binary)).mode & 0o777).toBe(0o755);
  });

  it('is reported as missing where npm has no binary for it', async () => {
    await using folder = await testFolder();
    const resolveFrom = join(folder.path, 'main.js');
    expect(await findDenoBinary({ resolveFrom, platform: 'linux', arch: 'riscv64' })).toEqual({
      problem: expect.stringContaining('riscv64'),
    });
    const { specs, problems } = await nativeKernelSpecs({ env: {}, resolveDenoFrom: resolveFrom });
    expect(specs).toEqual([]);
    expect(problems).toMatchObject([{ name: 'deno', message: expect.stringContaining('no TypeScript kernel') }]);
  });
});
