import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { withDeadline } from '@gateway-provisioners/core';
import { testFolder } from './testing/folders.ts';
import { FolderWatcher } from './watcher.ts';

test('tells that the folder went away in which another one was waited for', async () => {
  await using folder = await testFolder();
  const parent = join(folder.path, 'share', 'jupyter');
  await mkdir(parent, { recursive: true });
  let isTold = false;
  let tell = (): void => undefined;
  const told = new Promise<void>((resolve) => {
    tell = resolve;
  });
  using watcher = new FolderWatcher({
    onEvent: () => {
      isTold = true;
      tell();
    },
  });
  watcher.replace([join(parent, 'kernels')]);
  expect(isTold).toBe(false);
  await rm(parent, { recursive: true });
  await withDeadline({ what: 'the event', timeoutMs: 10_000 }, () => told);
  expect(watcher.failure).toBeUndefined();
});
