import { lstat, mkdir, readFile, readdir, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { createKernelSpecs } from './kernel-specs.ts';
import { testFolder } from './testing/folders.ts';

const spec = { argv: ['run'], display_name: 'One', own_key: { kept: true } };

describe('write', () => {
  it('puts a folder where it is asked to', async () => {
    await using folder = await testFolder();
    const env = {
      HOME: folder.path,
      JUPYTER_DATA_DIR: join(folder.path, 'data'),
      CONDA_PREFIX: join(folder.path, 'c'),
    };
    await folder.write('c/bin/python3', '#!/bin/sh\n', 0o755);
    await using specs = await createKernelSpecs({ env });
    expect(await specs.write({ name: 'U', spec, destination: { to: 'user' } })).toBe(
      join(folder.path, 'data/kernels/u'),
    );
    expect(await specs.write({ name: 'p', spec, destination: { to: 'prefix', prefix: join(folder.path, 'p') } })).toBe(
      join(folder.path, 'p/share/jupyter/kernels/p'),
    );
    expect(await specs.write({ name: 's', spec, destination: { to: 'sys-prefix' } })).toBe(
      join(folder.path, 'c/share/jupyter/kernels/s'),
    );
    expect(await specs.write({ name: 'x', spec, destination: { to: 'path', path: join(folder.path, 'any') } })).toBe(
      join(folder.path, 'any/x'),
    );
    expect((await specs.find('u')).extra).toEqual({ own_key: { kept: true } });
    expect((await specs.find('s')).displayName).toBe('One');
    await using bare = await createKernelSpecs({ env: { HOME: folder.path } });
    await expect(bare.write({ name: 's', spec, destination: { to: 'sys-prefix' } })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('CONDA_PREFIX'),
    });
  });

  it('brings files along, executable ones too', async () => {
    await using folder = await testFolder();
    await using specs = await createKernelSpecs({ env: {}, searchPath: [folder.path] });
    const files = {
      'logo-svg.svg': { data: '<svg/>' },
      'bin/run.sh': { data: Buffer.from('#!/bin/sh\n'), executable: true },
    };
    const target = await specs.write({ name: 'a', spec, files, destination: { to: 'path', path: folder.path } });
    expect((await stat(join(target, 'bin/run.sh'))).mode & 0o111).not.toBe(0);
    expect((await specs.resources('a')).map(({ key }) => key)).toEqual(['logo-svg']);
    expect(await readdir(folder.path)).toEqual(['a']);
  });

  it('replaces only when told to, whatever the case of the old folder', async () => {
    await using folder = await testFolder();
    await folder.write('Mine/kernel.json', { ...spec, display_name: 'Old' });
    await folder.write('Mine/logo-svg.svg', 'old');
    await using specs = await createKernelSpecs({ env: {}, searchPath: [folder.path] });
    const destination = { to: 'path', path: folder.path } as const;
    await expect(specs.write({ name: 'mine', spec, destination })).rejects.toMatchObject({ code: 'INVALID_STATE' });
    expect((await specs.find('mine')).displayName).toBe('Old');
    await specs.write({ name: 'mine', spec, destination, replace: true });
    expect((await specs.find('mine')).displayName).toBe('One');
    expect(await readdir(folder.path)).toEqual(['mine']);
    expect(await readdir(join(folder.path, 'mine'))).toEqual(['kernel.json']);
  });

  it('leaves nothing behind when something is wrong', async () => {
    await using folder = await testFolder();
    await folder.write('file', 'not a folder');
    await using specs = await createKernelSpecs({ env: {}, searchPath: [folder.path] });
    const destination = { to: 'path', path: folder.path } as const;
    const attempt = (options: Partial<Parameters<typeof specs.write>[0]>) =>
      specs.write({ name: 'a', spec, destination, ...options });
    for (const name of ['', '..', 'a b', 'a/b', '../a', 'ä']) {
      await expect(attempt({ name })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    await expect(attempt({ spec: { argv: 'run' } })).rejects.toMatchObject({ code: 'KERNELSPEC_INVALID' });
    for (const file of ['../x', '/x', 'kernel.json', 'KERNEL.json', 'a/../../x', '.', '', 'folder/']) {
      await expect(attempt({ files: { [file]: { data: '' } } })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    }
    const under = { to: 'path', path: join(folder.path, 'file') } as const;
    await expect(attempt({ destination: under })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    // One file where another needs a folder: fails half way through.
    const clash = { a: { data: '' }, 'a/b': { data: '' } };
    await expect(attempt({ files: clash })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(attempt({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await readdir(folder.path)).toEqual(['file']);
  });
});

describe('remove', () => {
  it('removes the folder, of a link the link alone, and never through the alias', async () => {
    await using folder = await testFolder();
    await folder.write('kernels/Python3/kernel.json', spec);
    await folder.write('real/kernel.json', spec);
    await symlink(join(folder.path, 'real'), join(folder.path, 'kernels', 'linked'));
    await mkdir(join(folder.path, 'kernels', 'other'));
    await using specs = await createKernelSpecs({ env: {}, searchPath: [join(folder.path, 'kernels')] });
    await expect(specs.remove('python')).rejects.toMatchObject({ code: 'KERNELSPEC_NOT_FOUND' });
    expect(await specs.remove('PYTHON3')).toBe(join(folder.path, 'kernels', 'Python3'));
    await specs.remove('linked');
    expect(await readdir(join(folder.path, 'kernels'))).toEqual(['other']);
    expect((await lstat(join(folder.path, 'real'))).isDirectory()).toBe(true);
    expect(JSON.parse(await readFile(join(folder.path, 'real', 'kernel.json'), 'utf8'))).toEqual(spec);
    expect((await specs.list()).specs).toEqual([]);
  });

  it('can remove a kernelspec that cannot be used', async () => {
    await using folder = await testFolder();
    await folder.write('bad/kernel.json', '{');
    await using specs = await createKernelSpecs({ env: {}, searchPath: [folder.path] });
    await specs.remove('bad');
    expect(await readdir(folder.path)).toEqual([]);
  });
});
