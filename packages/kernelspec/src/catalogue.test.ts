import { mkdirSync, writeFileSync } from 'node:fs';
import { rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { silentLogger, withDeadline } from '@gateway-provisioners/core';
import { createKernelSpecs } from './kernel-specs.ts';
import { testFolder } from './testing/folders.ts';
import type { KernelSpecs } from './types.ts';

const spec = (display_name: string) => ({ argv: ['run'], display_name });

/** Watches, and lets a test wait until the listing fulfils a condition after a change was announced. */
function watching(specs: KernelSpecs) {
  let wake = (): void => undefined;
  let announced = 0;
  const stop = specs.watch(() => {
    announced += 1;
    wake();
  });
  return {
    stop,
    announced: () => announced,
    async until(condition: (names: readonly string[]) => boolean) {
      await withDeadline({ timeoutMs: 10_000, what: 'the announcement of a change' }, async ({ signal }) => {
        while (!signal.aborted) {
          const next = new Promise<void>((resolve) => {
            wake = resolve;
          });
          const seen = announced;
          const { specs: usable } = await specs.list();
          if (announced > 0 && condition(usable.map((entry) => `${entry.name}=${entry.displayName}`))) return;
          if (announced === seen) await next;
        }
      });
    },
  };
}

describe('watch', () => {
  it('announces kernelspecs that appear, change and go', async () => {
    await using folder = await testFolder();
    await using specs = await createKernelSpecs({ env: {}, searchPath: [folder.path] });
    expect((await specs.list()).specs).toEqual([]);
    const changes = watching(specs);
    await specs.list();
    await folder.write('a/kernel.json', spec('one'));
    await changes.until((names) => names.join() === 'a=one');
    await folder.write('a/kernel.json', spec('another'));
    await changes.until((names) => names.join() === 'a=another');
    await folder.write('elsewhere/x/kernel.json', spec('moved in'));
    await rename(join(folder.path, 'elsewhere', 'x'), join(folder.path, 'x'));
    await changes.until((names) => names.join() === 'a=another,x=moved in');
    await rm(join(folder.path, 'a'), { recursive: true });
    await changes.until((names) => names.join() === 'x=moved in');
  });

  it('waits for folders that do not exist yet, several levels deep, and for their return', async () => {
    await using folder = await testFolder();
    const deep = join(folder.path, 'share', 'jupyter', 'kernels');
    await using specs = await createKernelSpecs({ env: {}, searchPath: [deep] });
    const changes = watching(specs);
    await specs.list();
    await folder.write('share/jupyter/kernels/a/kernel.json', spec('one'));
    await changes.until((names) => names.join() === 'a=one');
    await rm(join(folder.path, 'share'), { recursive: true });
    await changes.until((names) => names.length === 0);
    await folder.write('share/jupyter/kernels/b/kernel.json', spec('two'));
    await changes.until((names) => names.join() === 'b=two');
  });

  it('finds what was written a moment ago, before any event', async () => {
    await using folder = await testFolder();
    await using specs = await createKernelSpecs({ env: {}, searchPath: [folder.path] });
    specs.watch();
    await specs.list();
    for (let index = 0; index < 20; index += 1) {
      const name = `k${String(index % 4)}`;
      await folder.write(`${name}/kernel.json`, spec(`version ${String(index)}`));
      expect((await specs.find(name)).displayName).toBe(`version ${String(index)}`);
    }
  });

  it('keeps the listing in memory while nothing changes', async () => {
    await using folder = await testFolder();
    await folder.write('a/kernel.json', spec('one'));
    let scans = 0;
    const native = () => {
      scans += 1;
      return Promise.resolve({ specs: [], problems: [] });
    };
    await using specs = await createKernelSpecs({ env: {}, searchPath: [folder.path], native });
    const stop = specs.watch();
    await specs.list();
    const before = scans;
    const [first, second] = [await specs.find('a'), await specs.find('a')];
    expect((await specs.list()).specs[0]).toBe(first);
    expect(second).toBe(first);
    expect(scans).toBe(before);
    stop();
    await specs.list();
    expect(scans).toBe(before + 1);
  });

  it('sees the other kernelspecs when one write follows another without pause', async () => {
    await using folder = await testFolder();
    await using specs = await createKernelSpecs({ env: {}, searchPath: [folder.path] });
    const changes = watching(specs);
    // What is there when the first scan ends is no change.
    await specs.list();
    // In one turn: no scan comes in between.
    for (let index = 0; index < 50; index += 1) {
      mkdirSync(join(folder.path, `k${String(index)}`));
      writeFileSync(join(folder.path, `k${String(index)}`, 'kernel.json'), JSON.stringify(spec('x')));
    }
    await changes.until((names) => names.length === 50);
    expect(changes.announced()).toBeLessThan(50);
  });

  it('scans from time to time where a folder cannot be watched, and says so once', async () => {
    await using folder = await testFolder();
    const path = join(folder.path, 'kernels');
    await symlink('kernels', path);
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
    await using specs = await createKernelSpecs({ env: {}, searchPath: [path], rescanMs: 20, logger });
    const changes = watching(specs);
    expect((await specs.list()).problems).toMatchObject([{ path, message: expect.stringContaining('ELOOP') }]);
    await rm(path);
    await folder.write('kernels/a/kernel.json', spec('one'));
    await changes.until((names) => names.join() === 'a=one');
    expect(warnings).toEqual(['some kernelspec folders cannot be watched: they are scanned from time to time']);
  });

  it('goes on when a listener throws', async () => {
    await using folder = await testFolder();
    await using specs = await createKernelSpecs({ env: {}, searchPath: [folder.path] });
    specs.watch(() => {
      throw new Error('a bad listener');
    });
    const changes = watching(specs);
    await specs.list();
    await folder.write('a/kernel.json', spec('one'));
    await changes.until((names) => names.join() === 'a=one');
  });
});
