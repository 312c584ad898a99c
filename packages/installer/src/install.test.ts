import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createKernelSpecs } from '@gateway-provisioners/kernelspec';
import { installKernelSpecs, planKernelSpecs } from './install.ts';
import { variants } from './testing/variants.ts';
import type { SpecOptions } from './types.ts';

let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'installer-'));
});
afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

const env = () => ({ HOME: home });
const userKernels = () => join(home, '.local/share/jupyter/kernels');

async function plan(specs: readonly SpecOptions[], more: { readonly launchersDir?: string } = {}) {
  return await planKernelSpecs({ specs, destination: { to: 'user' }, env: env(), ...more });
}

async function tree(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

describe('installing', () => {
  it('writes every variant where Jupyter finds it, with logo, wrapper and modes', async () => {
    const specs = Object.entries(variants).map(([kernelName, options]) => ({ ...options, kernelName }));
    const planned = await plan(specs);
    expect(planned.onSearchPath).toBe(true);
    await installKernelSpecs(planned, { env: env() });
    await using found = await createKernelSpecs({ env: env(), searchPath: [userKernels()] });
    const listing = await found.list();
    expect(listing.problems).toEqual([]);
    expect(listing.specs.map(({ name }) => name)).toEqual(Object.keys(variants).sort());
    for (const { name, argv } of listing.specs) {
      const files = await tree(join(userKernels(), name));
      expect(files).toContain('logo-64x64.png');
      expect(files.includes('kernel.js')).toBe(name.split('_').includes('r'));
      const runs = argv[0] === join(userKernels(), name, 'bin/run.sh');
      expect(files.includes('bin/run.sh')).toBe(runs);
      if (runs) expect((await stat(argv[0]!)).mode & 0o777).toBe(0o755);
      expect((await stat(join(userKernels(), name, 'kernel.json'))).mode & 0o777).toBe(0o644);
    }
  });

  it('refuses a name that is taken, in any case, and writes none of the others', async () => {
    await mkdir(join(userKernels(), 'DOCKER_R'), { recursive: true });
    await writeFile(join(userKernels(), 'DOCKER_R/kernel.json'), '{}');
    const planned = await plan([{ backend: 'docker' }, { backend: 'docker', language: 'R' }]);
    await expect(installKernelSpecs(planned, { env: env() })).rejects.toMatchObject({
      code: 'INVALID_STATE',
      message: expect.stringContaining(join(userKernels(), 'docker_r')),
    });
    expect(await readdir(userKernels())).toEqual(['DOCKER_R']);
    expect(await readFile(join(userKernels(), 'DOCKER_R/kernel.json'), 'utf8')).toBe('{}');
  });

  it('replaces a whole folder when it is told to', async () => {
    await mkdir(join(userKernels(), 'docker_python'), { recursive: true });
    await writeFile(join(userKernels(), 'docker_python/old'), '');
    await installKernelSpecs(await plan([{ backend: 'docker' }]), { env: env(), replace: true });
    expect(await tree(userKernels())).toEqual(['docker_python/kernel.json', 'docker_python/logo-64x64.png']);
  });

  it('leaves nothing new behind when one of several cannot be written, and keeps what was there', async () => {
    await mkdir(join(userKernels(), 'kept'), { recursive: true });
    await writeFile(join(userKernels(), 'kept/kernel.json'), 'old');
    const planned = await plan([{ backend: 'docker' }, { backend: 'ssh', kernelName: 'kept' }]);
    const [first, second] = planned.kernelSpecs;
    const broken = { ...second!, files: { ...second!.files, 'a/b': { data: '' }, a: { data: 'a file and a folder' } } };
    const promise = installKernelSpecs({ ...planned, kernelSpecs: [first!, broken] }, { env: env(), replace: true });
    await expect(promise).rejects.toThrow();
    expect(await tree(userKernels())).toEqual(['kept/kernel.json']);
    expect(await readFile(join(userKernels(), 'kept/kernel.json'), 'utf8')).toBe('old');
    expect(await readdir(userKernels())).toEqual(['kept']);
  });

  it('stops when it is told to, before anything is changed', async () => {
    const planned = await plan([{ backend: 'docker' }]);
    const signal = AbortSignal.abort();
    await expect(installKernelSpecs(planned, { env: env(), signal })).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await readdir(userKernels())).toEqual([]);
  });

  it('cannot make two of one name', async () => {
    const specs: SpecOptions[] = [
      { backend: 'docker', kernelName: 'x' },
      { backend: 'ssh', kernelName: 'X' },
    ];
    await expect(plan(specs)).rejects.toThrow('two kernelspecs would be called x');
  });

  it('into another prefix, and says that it will not be found there', async () => {
    const prefix = join(home, 'env');
    const planned = await planKernelSpecs({
      specs: [{ backend: 'ssh' }],
      destination: { to: 'prefix', prefix },
      env: env(),
    });
    expect(planned).toMatchObject({ parent: join(prefix, 'share/jupyter/kernels'), onSearchPath: false });
    expect(planned.kernelSpecs[0]?.kernelJson['argv']).toContain(
      join(prefix, 'share/jupyter/kernels/ssh_python/scripts/launch_ipykernel.py'),
    );
  });

  it('needs a Python environment for sys-prefix', async () => {
    const promise = planKernelSpecs({ specs: [{ backend: 'ssh' }], destination: { to: 'sys-prefix' }, env: env() });
    await expect(promise).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('launchers', () => {
  const launchers = () => join(home, 'kernel-launchers');
  const write = async (path: string, text = path) => {
    await mkdir(join(launchers(), path, '..'), { recursive: true });
    await writeFile(join(launchers(), path), text);
  };

  it('are those of this project without a folder; what is missing is told, and whether this gateway needs it', async () => {
    const { kernelSpecs } = await plan([
      { backend: 'ssh' },
      { backend: 'ssh', language: 'R' },
      { backend: 'ssh', language: 'Scala' },
      { backend: 'docker' },
    ]);
    expect(kernelSpecs.map(({ missingLaunchers }) => missingLaunchers)).toMatchObject([
      [],
      [],
      expect.arrayContaining([expect.objectContaining({ path: 'lib/toree-assembly-*.jar', optional: false })]),
      [{ path: 'scripts/launch_docker.py', optional: true }],
    ]);
    expect(Object.keys(kernelSpecs[0]?.files ?? {})).toEqual(
      expect.arrayContaining([
        'scripts/launch_ipykernel.py',
        'scripts/server_listener.py',
        'scripts/gateway_crypto.py',
      ]),
    );
    expect(Object.keys(kernelSpecs[1]?.files ?? {})).toContain('scripts/launch_IRkernel.R');
  });

  it('of Scala include the assembly of the Toree that is installed here', async () => {
    const prefix = join(home, 'env');
    const jars = join(prefix, 'share/jupyter/kernels/apache_toree_scala/lib');
    await mkdir(jars, { recursive: true });
    await mkdir(join(prefix, 'bin'));
    await writeFile(join(prefix, 'bin/python3'), '#!/bin/sh\n', { mode: 0o755 });
    await writeFile(join(jars, 'toree-assembly-0.5.0-incubating.jar'), 'of Toree');
    const { kernelSpecs } = await planKernelSpecs({
      specs: [{ backend: 'yarn', language: 'Scala' }, { backend: 'ssh', language: 'Scala' }, { backend: 'ssh' }],
      destination: { to: 'user' },
      env: { ...env(), VIRTUAL_ENV: prefix },
    });
    const path = 'lib/toree-assembly-0.5.0-incubating.jar';
    expect(kernelSpecs.map(({ files }) => String(files[path]?.data))).toEqual(['of Toree', 'of Toree', 'undefined']);
    expect(kernelSpecs.flatMap(({ missingLaunchers }) => missingLaunchers)).toEqual([]);
  });

  it('are copied from a folder laid out as in kernel images', async () => {
    await write('python/scripts/launch_ipykernel.py');
    await write('shared/scripts/server_listener.py');
    await write('scala/lib/toree-launcher_2.12-1.jar');
    await write('scala/lib/toree-assembly-0.5.0.jar');
    const planned = await plan([{ backend: 'ssh' }, { backend: 'ssh', language: 'Scala' }], {
      launchersDir: launchers(),
    });
    const missing = planned.kernelSpecs.flatMap(({ missingLaunchers }) => missingLaunchers);
    expect(missing.filter(({ optional }) => !optional)).toEqual([]);
    await installKernelSpecs(planned, { env: env() });
    expect(await tree(join(userKernels(), 'ssh_python'))).toEqual([
      'kernel.json',
      'logo-64x64.png',
      'scripts/launch_ipykernel.py',
      'scripts/server_listener.py',
    ]);
    expect(await tree(join(userKernels(), 'ssh_scala/lib'))).toEqual([
      'toree-assembly-0.5.0.jar',
      'toree-launcher_2.12-1.jar',
    ]);
  });

  it('must be in a folder that can be read, one jar of a kind', async () => {
    await expect(plan([{ backend: 'ssh' }], { launchersDir: join(home, 'none') })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(join(home, 'none')),
    });
    await write('scala/lib/toree-launcher_1.jar');
    await write('scala/lib/toree-launcher_2.jar');
    await expect(plan([{ backend: 'ssh', language: 'Scala' }], { launchersDir: launchers() })).rejects.toThrow(
      'several files toree-launcher*.jar',
    );
    await mkdir(join(launchers(), 'python/scripts/launch_ipykernel.py'), { recursive: true });
    await expect(plan([{ backend: 'ssh' }], { launchersDir: launchers() })).rejects.toThrow('cannot be read');
  });
});

describe('a folder that may not be written', () => {
  it('is a clear error', async () => {
    await writeFile(join(home, '.local'), 'in the way');
    await expect(installKernelSpecs(await plan([{ backend: 'docker' }]), { env: env() })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(userKernels()),
    });
  });
});
