import { execFileSync } from 'node:child_process';
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseKernelJson } from './kernel-json.ts';
import { createKernelSpecs } from './kernel-specs.ts';
import { testFolder } from './testing/folders.ts';
import type { KernelSpecsOptions } from './types.ts';

const spec = (display_name: string) => ({ argv: ['run', '{connection_file}'], display_name, language: 'x' });

const open = (searchPath: readonly string[], options: Partial<KernelSpecsOptions> = {}) =>
  createKernelSpecs({ env: {}, searchPath, ...options });

describe('find', () => {
  it('takes any case, and python for python3', async () => {
    await using folder = await testFolder();
    await folder.write('Python3/kernel.json', spec('Py'));
    await using specs = await open([folder.path]);
    for (const name of ['python3', 'PYTHON3', 'python', 'Python']) {
      expect((await specs.find(name)).name).toBe('python3');
    }
    await folder.write('python/kernel.json', spec('The real one'));
    expect((await specs.find('Python')).displayName).toBe('The real one');
  });

  it('says which names are close', async () => {
    await using folder = await testFolder();
    await folder.write('spark_python/kernel.json', spec('S'));
    await folder.write('deno/kernel.json', spec('D'));
    await using specs = await open([folder.path]);
    await expect(specs.find('spark_pyhton')).rejects.toMatchObject({
      code: 'KERNELSPEC_NOT_FOUND',
      message: 'no kernelspec is named "spark_pyhton": did you mean spark_python?',
    });
    await expect(specs.find('zzzz')).rejects.toThrow('there are deno, spark_python');
    await using none = await open([join(folder.path, 'nowhere')]);
    await expect(none.find('zzzz')).rejects.toThrow('there are no kernelspecs at all');
  });

  it('never leaves its folders, whatever the name', async () => {
    await using folder = await testFolder();
    await folder.write('kernel.json', spec('outside'));
    await folder.write('kernels/a/kernel.json', spec('inside'));
    await using specs = await open([join(folder.path, 'kernels')]);
    const part = fc.constantFrom('..', '.', '/', '\\', '%2e%2e', 'a', '\0', '~', 'kernels');
    await fc.assert(
      fc.asyncProperty(fc.array(part, { minLength: 1, maxLength: 6 }), async (parts) => {
        const name = parts.join('');
        if (name === 'a') return;
        await expect(specs.find(name)).rejects.toMatchObject({ code: 'KERNELSPEC_NOT_FOUND' });
        await expect(specs.remove(name)).rejects.toMatchObject({ code: 'KERNELSPEC_NOT_FOUND' });
        await expect(specs.resourceFile('a', name)).rejects.toMatchObject({ code: 'RESOURCE_NOT_FOUND' });
      }),
    );
  });

  it('refuses an aborted call', async () => {
    await using specs = await open([]);
    await expect(specs.find('x', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(specs.list({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

describe('list', () => {
  it('lets the first folder win, a bad kernelspec included', async () => {
    await using folder = await testFolder();
    await folder.write('one/a/kernel.json', spec('first'));
    await folder.write('two/a/kernel.json', spec('second'));
    await folder.write('one/b/kernel.json', 'broken');
    await folder.write('two/b/kernel.json', spec('whole'));
    await using specs = await open([join(folder.path, 'one'), join(folder.path, 'two')]);
    const { specs: usable, problems } = await specs.list();
    expect(usable.map(({ name, displayName }) => [name, displayName])).toEqual([['a', 'first']]);
    expect(problems).toMatchObject([{ name: 'b', path: join(folder.path, 'one/b/kernel.json') }]);
    await expect(specs.find('b')).rejects.toMatchObject({ code: 'KERNELSPEC_INVALID' });
  });

  it('reports what cannot be used and goes on', async () => {
    await using folder = await testFolder();
    await folder.write('good/kernel.json', spec('good'));
    await mkdir(join(folder.path, 'folder', 'kernel.json'), { recursive: true });
    await folder.write('huge/kernel.json', { ...spec('huge'), env: { A: 'x'.repeat(2_000_000) } });
    await writeFile(await folder.write('latin/kernel.json', ''), Buffer.from([0x22, 0xe9, 0x22]));
    await folder.write('my kernel/kernel.json', spec('no name'));
    await mkdir(join(folder.path, 'loop'));
    await symlink('kernel.json', join(folder.path, 'loop', 'kernel.json'));
    await symlink('self', join(folder.path, 'self'));
    await symlink('/nowhere', join(folder.path, 'dangling'));
    await mkdir(join(folder.path, 'empty'));
    await folder.write('file', 'not a folder');
    await mkdir(join(folder.path, 'pipe'));
    // Where every system has it; the tests need nothing of the PATH.
    execFileSync('/usr/bin/mkfifo', [join(folder.path, 'pipe', 'kernel.json')]);
    await using specs = await open([folder.path]);
    const { specs: usable, problems } = await specs.list();
    expect(usable.map(({ name }) => name)).toEqual(['good']);
    const told = new Map(problems.map(({ path, message }) => [path.slice(folder.path.length + 1), message]));
    expect([...told.keys()].sort()).toEqual([
      'folder/kernel.json',
      'huge/kernel.json',
      'latin/kernel.json',
      'loop/kernel.json',
      'my kernel',
      'pipe/kernel.json',
      'self/kernel.json',
    ]);
    expect(told.get('folder/kernel.json')).toContain('is not a file');
    expect(told.get('huge/kernel.json')).toContain('bytes long');
    expect(told.get('latin/kernel.json')).toContain('UTF-8');
    expect(told.get('loop/kernel.json')).toContain('ELOOP');
    expect(told.get('pipe/kernel.json')).toContain('is not a file');
  });

  it('shows one of two folders whose names differ by case, and tells of the other', async () => {
    await using folder = await testFolder();
    await folder.write('SPEC/kernel.json', spec('upper'));
    await folder.write('Spec/kernel.json', spec('mixed'));
    await using specs = await open([folder.path]);
    expect((await specs.find('spec')).displayName).toBe('upper');
    await folder.write('spec/kernel.json', spec('lower'));
    expect((await specs.find('spec')).displayName).toBe('lower');
    const { specs: usable, problems } = await specs.list();
    expect(usable).toHaveLength(1);
    expect(problems.map(({ path }) => path).sort()).toEqual([join(folder.path, 'SPEC'), join(folder.path, 'Spec')]);
  });

  const asRoot = process.geteuid?.() === 0;
  it('reports a folder that it may not read', async () => {
    await using folder = await testFolder();
    await mkdir(join(folder.path, 'secret'), { mode: 0o000 });
    await folder.write('open/a/kernel.json', spec('a'));
    await using specs = await open([join(folder.path, 'secret'), join(folder.path, 'open')]);
    // Root may read everything: become nobody for the moment.
    if (asRoot) {
      await chmod(folder.path, 0o755);
      process.seteuid?.(65_534);
    }
    try {
      const { specs: usable, problems } = await specs.list();
      expect(usable.map(({ name }) => name)).toEqual(['a']);
      expect(problems).toMatchObject([
        { path: join(folder.path, 'secret'), message: expect.stringContaining('EACCES') },
      ]);
    } finally {
      if (asRoot) process.seteuid?.(0);
    }
  });

  it('survives folders that vanish meanwhile', async () => {
    await using folder = await testFolder();
    for (let index = 0; index < 30; index += 1) await folder.write(`k${String(index)}/kernel.json`, spec('x'));
    await using specs = await open([folder.path]);
    const listings = Promise.all(Array.from({ length: 10 }, () => specs.list()));
    const removal = rm(folder.path, { recursive: true, force: true });
    for (const { problems } of await listings) expect(problems).toEqual([]);
    await removal;
    expect((await specs.list()).specs).toEqual([]);
  });
});

describe('allowed names', () => {
  it('hold for find, list, resources and hints alike', async () => {
    await using folder = await testFolder();
    for (const name of ['one', 'onerous', 'bad']) await folder.write(`${name}/kernel.json`, spec(name));
    await folder.write('bad/kernel.json', '{');
    await using specs = await open([folder.path], { allowed: ['One'] });
    expect((await specs.list()).specs.map(({ name }) => name)).toEqual(['one']);
    expect((await specs.list()).problems).toEqual([]);
    expect((await specs.find('ONE')).name).toBe('one');
    await expect(specs.find('onerous')).rejects.toMatchObject({
      code: 'KERNELSPEC_NOT_FOUND',
      message: expect.not.stringContaining('onerous?'),
    });
    await expect(specs.resources('onerous')).rejects.toMatchObject({ code: 'KERNELSPEC_NOT_FOUND' });
    await expect(specs.find('bad')).rejects.toMatchObject({ code: 'KERNELSPEC_NOT_FOUND' });
  });
});

describe('native kernelspecs and the default', () => {
  const native = (...names: string[]) => ({
    native: () =>
      Promise.resolve({
        specs: names.map((name) => parseKernelJson(spec('native'), { name })),
        problems: [{ name: 'other', path: 'x', message: 'is missing' }],
      }),
  });

  it('give way to folders and can be hidden', async () => {
    await using folder = await testFolder();
    await folder.write('deno/kernel.json', spec('own'));
    await using specs = await open([folder.path], native('deno', 'python3'));
    const listing = await specs.list();
    expect(listing.specs.map(({ name, displayName }) => [name, displayName])).toEqual([
      ['deno', 'own'],
      ['python3', 'native'],
    ]);
    expect(listing.problems).toEqual([{ name: 'other', path: 'x', message: 'is missing' }]);
    await using fewer = await open([folder.path], { ...native('python3'), allowed: ['deno'] });
    await expect(fewer.find('python3')).rejects.toMatchObject({ code: 'KERNELSPEC_NOT_FOUND' });
  });

  it.each([
    { natives: ['deno', 'python3', 'a'], expected: 'python3' },
    { natives: ['deno', 'a'], expected: 'deno' },
    { natives: ['b', 'a'], expected: 'a' },
    { natives: [], expected: 'python3' },
  ])('make $expected the default of $natives', async ({ natives, expected }) => {
    await using specs = await open([], native(...natives));
    expect(await specs.defaultName()).toBe(expected);
    await using configured = await open([], { ...native(...natives), defaultName: 'Mine' });
    expect(await configured.defaultName()).toBe('mine');
  });
});

describe('resources', () => {
  it('are logos, kernel.js and kernel.css, and nothing else', async () => {
    await using folder = await testFolder();
    const files = ['kernel.json', 'logo-64x64.png', 'logo-svg.svg', 'kernel.js', 'kernel.css', 'bin/run.sh', 'x.py'];
    for (const file of files) await folder.write(`a/${file}`, file === 'kernel.json' ? spec('a') : file);
    await using specs = await open([folder.path]);
    const keys = (await specs.resources('A')).map(({ key, file }) => [key, file]);
    expect(keys).toEqual([
      ['kernel.css', 'kernel.css'],
      ['kernel.js', 'kernel.js'],
      ['logo-64x64', 'logo-64x64.png'],
      ['logo-svg', 'logo-svg.svg'],
    ]);
    expect((await specs.resourceFile('a', 'logo-64x64.png')).path).toBe(join(folder.path, 'a/logo-64x64.png'));
    for (const file of ['kernel.json', 'bin/run.sh', 'x.py', '../a/logo-svg.svg', 'logo-']) {
      await expect(specs.resourceFile('a', file)).rejects.toMatchObject({ code: 'RESOURCE_NOT_FOUND' });
    }
  });
});
