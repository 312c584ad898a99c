import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findPrefix, findProgram } from './find-program.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'gp find ü-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function program(folder: string, name: string, mode = 0o755): Promise<string> {
  await mkdir(join(root, folder), { recursive: true });
  const path = join(root, folder, name);
  // Running it would be noticed: it fails.
  await writeFile(path, '#!/bin/sh\nexit 99\n');
  await chmod(path, mode);
  return path;
}

describe('findProgram', () => {
  test('python is looked for in settings, VIRTUAL_ENV, CONDA_PREFIX, then PATH', async () => {
    const onPath = await program('path', 'python3');
    const conda = await program('conda/bin', 'python3');
    const virtual = await program('venv/bin', 'python3');
    const own = await program('own', 'python3');
    const env = { PATH: `/nowhere:${join(root, 'path')}` };
    expect(await findProgram('python3', { env })).toBe(onPath);
    const withConda = { ...env, CONDA_PREFIX: join(root, 'conda') };
    expect(await findProgram('python3', { env: withConda })).toBe(conda);
    const withBoth = { ...withConda, VIRTUAL_ENV: join(root, 'venv') };
    expect(await findProgram('python3', { env: withBoth })).toBe(virtual);
    expect(await findProgram('python3', { env: withBoth, interpreterPath: [join(root, 'own')] })).toBe(own);
  });

  test('python and python3 stand for each other, python3.11 only for itself', async () => {
    const found = await program('path', 'python3');
    const env = { PATH: join(root, 'path') };
    expect(await findProgram('python', { env })).toBe(found);
    await expect(findProgram('python3.11', { env })).rejects.toMatchObject({ code: 'LAUNCH_FAILED' });
    const exact = await program('path', 'python3.11');
    expect(await findProgram('python3.11', { env })).toBe(exact);
  });

  test('folders and files that may not be executed are passed over', async () => {
    await mkdir(join(root, 'one', 'tool'), { recursive: true });
    await program('two', 'tool', 0o644);
    const found = await program('three', 'tool');
    const PATH = ['one', 'two', 'three'].map((folder) => join(root, folder)).join(':');
    expect(await findProgram('tool', { env: { PATH } })).toBe(found);
  });

  test('what is missing is named, with where it was looked for', async () => {
    await expect(findProgram('no-such-tool', { env: { PATH: '/nowhere:/neither' } })).rejects.toThrow(
      /"no-such-tool".*\/nowhere, \/neither/,
    );
    await expect(findProgram('python', { env: {} })).rejects.toThrow(/PATH is empty.*install Python/);
    await expect(findProgram('', { env: {} })).rejects.toMatchObject({ code: 'LAUNCH_FAILED' });
  });

  test('relative elements of PATH are not searched, and paths are returned as they are', async () => {
    await expect(findProgram('sh', { env: { PATH: ':.:bin' } })).rejects.toThrow(/PATH is empty/);
    expect(await findProgram('./run.sh', { env: {} })).toBe('./run.sh');
  });
});

describe('findPrefix', () => {
  test('CONDA_PREFIX, VIRTUAL_ENV, the folder above the first python3, nothing', async () => {
    await program('py/bin', 'python3');
    const PATH = join(root, 'py', 'bin');
    expect(await findPrefix({ env: { PATH, VIRTUAL_ENV: '/v', CONDA_PREFIX: '/c' } })).toBe('/c');
    expect(await findPrefix({ env: { PATH, VIRTUAL_ENV: '/v' } })).toBe('/v');
    expect(await findPrefix({ env: { PATH } })).toBe(join(root, 'py'));
    expect(await findPrefix({ env: { PATH: '/nowhere' } })).toBeUndefined();
  });
});
