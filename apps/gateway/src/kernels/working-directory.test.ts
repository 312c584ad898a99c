import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, sep } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { resolveWorkingDirectory } from './working-directory.ts';

let rootDir = '';

beforeAll(async () => {
  rootDir = join(await realpath(await mkdtemp(join(tmpdir(), 'gateway-cwd-'))), 'root');
  await mkdir(join(rootDir, 'a', 'b'), { recursive: true });
  await writeFile(join(rootDir, 'a', 'n.ipynb'), '{}');
});

afterAll(async () => {
  await rm(dirname(rootDir), { recursive: true });
});

const resolvePath = (path: string | undefined, cwd?: string) => resolveWorkingDirectory({ path, cwd, rootDir });

describe('the working directory of a kernel', () => {
  test.each([
    [undefined, ''],
    ['', ''],
    ['a', '/a'],
    ['a/b', '/a/b'],
    ['a/n.ipynb', '/a'],
    ['a/b/missing/deeper/n.ipynb', '/a/b'],
    ['missing.ipynb', ''],
    ['a/../a/b', '/a/b'],
    ['drive:notebook.ipynb', ''],
    ['/no-such-folder-at-all/n.ipynb', ''],
    ['/a/n.ipynb', '/a'],
  ])('for the path %j is root%s', async (path, expected) => {
    expect(await resolvePath(path)).toBe(rootDir + expected);
  });

  test('may be any folder that exists, by an absolute path', async () => {
    const outside = dirname(rootDir);
    expect(await resolvePath(join(outside, 'n.ipynb'))).toBe(outside);
    expect(await resolvePath('a', outside)).toBe(outside);
    await expect(resolvePath('a', 'relative')).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(resolvePath('a', join(outside, 'none'))).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  test('never leaves the root by a relative path', async () => {
    const segment = fc.constantFrom('..', '.', 'a', 'b', 'x', '', '...');
    await fc.assert(
      fc.asyncProperty(fc.array(segment, { maxLength: 8 }), async (segments) => {
        const path = `a/${segments.join('/')}`;
        const found = await resolvePath(path).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'INVALID_REQUEST' });
          return rootDir;
        });
        expect(`${found ?? ''}${sep}`.startsWith(`${rootDir}${sep}`)).toBe(true);
      }),
    );
  });
});
