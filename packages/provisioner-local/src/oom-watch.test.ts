import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { OomWatch } from './oom-watch.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'gp-oom-'));
  await mkdir(join(root, 'slice', 'unit'), { recursive: true });
  await writeFile(join(root, 'membership'), '0::/slice/unit\n');
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const setCount = (count: number) =>
  writeFile(join(root, 'slice', 'unit', 'memory.events'), `low 0\nhigh 3\nmax 9\noom 7\noom_kill ${String(count)}\n`);

test('claims each end that came after the start, once', async () => {
  await setCount(4);
  const watch = new OomWatch({ membershipFile: join(root, 'membership'), cgroupRoot: root });
  expect(await watch.claim()).toBe(false);
  await watch.start();
  expect(await watch.claim()).toBe(false);
  await setCount(6);
  expect([await watch.claim(), await watch.claim(), await watch.claim()]).toEqual([true, true, false]);
});

test('claims nothing where there is no such counter', async () => {
  const watch = new OomWatch({ membershipFile: join(root, 'nothing'), cgroupRoot: root });
  await watch.start();
  expect(await watch.claim()).toBe(false);
});
