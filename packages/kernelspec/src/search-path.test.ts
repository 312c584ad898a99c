import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { findPython } from './python-installation.ts';
import { kernelSpecFolders } from './search-path.ts';
import { testFolder } from './testing/folders.ts';

const system = ['/usr/local/share/jupyter/kernels', '/usr/share/jupyter/kernels'];

describe('kernelSpecFolders', () => {
  const folders = async (env: Record<string, string>, platform: NodeJS.Platform = 'linux') =>
    (await kernelSpecFolders({ env: { HOME: '/home/me', ...env }, platform })).searchPath;

  it('is the order of jupyter --paths', async () => {
    expect(await folders({})).toEqual([
      '/home/me/.local/share/jupyter/kernels',
      ...system,
      '/home/me/.ipython/kernels',
    ]);
  });

  it('puts JUPYTER_PATH first and knows the variables that move folders', async () => {
    const env = {
      JUPYTER_PATH: '/one/:/two::/one',
      JUPYTER_DATA_DIR: '/data',
      PYTHONUSERBASE: '/base',
      IPYTHONDIR: '/ipython',
    };
    expect(await folders(env)).toEqual([
      '/one/kernels',
      '/two/kernels',
      '/data/kernels',
      '/base/share/jupyter/kernels',
      ...system,
      '/ipython/kernels',
    ]);
    expect((await folders({ XDG_DATA_HOME: '/xdg', PYTHONNOUSERSITE: '1' }))[0]).toBe('/xdg/jupyter/kernels');
  });

  it('knows the Mac', async () => {
    expect((await folders({ XDG_DATA_HOME: '/xdg' }, 'darwin'))[0]).toBe('/home/me/Library/Jupyter/kernels');
  });

  it('orders user and environment as Jupyter does', async () => {
    await using folder = await testFolder();
    await folder.write('env/bin/python3', '', 0o755);
    const prefix = join(folder.path, 'env');
    const environment = join(prefix, 'share/jupyter/kernels');
    const position = async (env: Record<string, string>) => (await folders(env)).indexOf(environment);
    expect(await position({ CONDA_PREFIX: prefix })).toBe(1);
    expect(await position({ CONDA_PREFIX: prefix, CONDA_DEFAULT_ENV: 'base' })).toBe(1);
    expect(await position({ CONDA_PREFIX: prefix, CONDA_DEFAULT_ENV: 'work' })).toBe(0);
    expect(await position({ CONDA_PREFIX: prefix, JUPYTER_PREFER_ENV_PATH: '1' })).toBe(0);
    expect(await position({ CONDA_PREFIX: prefix, CONDA_DEFAULT_ENV: 'work', JUPYTER_PREFER_ENV_PATH: 'no' })).toBe(1);
    await folder.write('env/pyvenv.cfg', 'home = /usr/bin\n');
    expect(await position({ VIRTUAL_ENV: prefix })).toBe(0);
    expect(await position({ VIRTUAL_ENV: prefix, JUPYTER_PREFER_ENV_PATH: '0' })).toBe(1);
  });
});

describe('findPython', () => {
  it('prefers conda, then the virtual environment, then the PATH', async () => {
    await using folder = await testFolder();
    for (const name of ['conda', 'venv', 'plain']) await folder.write(`${name}/bin/python3`, '', 0o755);
    await folder.write('venv/pyvenv.cfg', '');
    const at = (name: string) => join(folder.path, name);
    const env = {
      CONDA_PREFIX: at('conda'),
      VIRTUAL_ENV: at('venv'),
      PATH: `relative::${at('none')}:${at('plain/bin')}`,
    };
    expect(await findPython(env)).toEqual({ executable: at('conda/bin/python3'), prefix: at('conda'), virtual: false });
    expect((await findPython({ ...env, CONDA_PREFIX: undefined }))?.prefix).toBe(at('venv'));
    expect((await findPython({ PATH: env.PATH }))?.prefix).toBe(at('plain'));
    expect(await findPython({})).toBeUndefined();
  });

  it('follows links as Python does: to a virtual environment on the way, else to the end', async () => {
    await using folder = await testFolder();
    const at = (name: string) => join(folder.path, name);
    await folder.write('usr/bin/python3.11', '', 0o755);
    await folder.write('bin/keep', '');
    await folder.write('venv/pyvenv.cfg', '');
    await folder.write('venv/bin/keep', '');
    await folder.write('tools/keep', '');
    await symlink('python3.11', at('usr/bin/python3'));
    await symlink(at('usr/bin/python3'), at('bin/python3'));
    await symlink(at('usr/bin/python3'), at('venv/bin/python3'));
    await symlink(at('venv/bin/python3'), at('tools/python3'));
    expect((await findPython({ PATH: at('bin') }))?.prefix).toBe(at('usr'));
    expect(await findPython({ PATH: at('venv/bin') })).toMatchObject({ prefix: at('venv'), virtual: true });
    expect(await findPython({ PATH: at('tools') })).toMatchObject({ prefix: at('venv'), virtual: true });
  });

  it('looks behind the shims of pyenv', async () => {
    await using folder = await testFolder();
    const at = (name: string) => join(folder.path, name);
    await folder.write('pyenv/shims/python3', '#!/bin/sh\n', 0o755);
    for (const version of ['3.11.7', '3.12.1']) await folder.write(`pyenv/versions/${version}/bin/python3`, '', 0o755);
    await folder.write('usr/bin/python3', '', 0o755);
    const PATH = `${at('pyenv/shims')}:${at('usr/bin')}`;
    expect((await findPython({ PATH }))?.prefix).toBe(at('usr'));
    await folder.write('pyenv/version', '3.9.0\n3.11.7\n');
    expect((await findPython({ PATH }))?.prefix).toBe(at('pyenv/versions/3.11.7'));
    expect((await findPython({ PATH, PYENV_VERSION: '3.12.1' }))?.prefix).toBe(at('pyenv/versions/3.12.1'));
    expect((await findPython({ PATH, PYENV_VERSION: 'system' }))?.prefix).toBe(at('usr'));
    expect((await findPython({ PATH, PYENV_VERSION: '../../usr' }))?.prefix).toBe(at('usr'));
  });

  it('ignores what cannot be run', async () => {
    await using folder = await testFolder();
    await folder.write('a/python3', '', 0o644);
    await folder.write('b/python3/file', '');
    expect(await findPython({ PATH: `${folder.path}/a:${folder.path}/b` })).toBeUndefined();
  });
});
