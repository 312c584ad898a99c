import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openLogFile, silentLogger, systemClock } from '@gateway-provisioners/core';
import type { Clock } from '@gateway-provisioners/core';
import { LogTrimmer } from './log-trimmer.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gp-trim-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

test('a log beyond its bound is cut to its tail with a notice, and what is appended later follows', async () => {
  const path = join(folder, 'kernel.log');
  const kernel = await openLogFile(path);
  using trimmer = new LogTrimmer({ maxBytes: 1000, clock: systemClock, logger: silentLogger });
  trimmer.watch(path);
  await kernel.write('x'.repeat(5000) + 'END\n');
  await trimmer.trim();
  await kernel.write('after\n');
  await kernel.close();
  const text = await readFile(path, 'utf8');
  expect(text).toMatch(/^\[log cut: it had reached 5004 bytes/);
  expect(text.endsWith('xEND\nafter\n')).toBe(true);
  expect(text.length).toBeLessThan(1200);
});

test('a log within its bound, a missing one and one that is watched no more are left alone', async () => {
  const path = join(folder, 'kernel.log');
  await writeFile(path, 'short');
  using trimmer = new LogTrimmer({ maxBytes: 10, clock: systemClock, logger: silentLogger });
  const stop = trimmer.watch(path);
  trimmer.watch(join(folder, 'gone.log'));
  await trimmer.trim();
  expect(await readFile(path, 'utf8')).toBe('short');
  stop();
  await appendFile(path, 'much longer than ten');
  await trimmer.trim();
  expect(await readFile(path, 'utf8')).toBe('shortmuch longer than ten');
});

test('one background timer for all, none when nothing is watched or the bound is 0', () => {
  const timers: { readonly background: boolean | undefined }[] = [];
  let live = 0;
  const clock: Clock = {
    now: () => 0,
    schedule(_delayMs, _callback, options) {
      timers.push({ background: options?.background });
      live += 1;
      return () => {
        live -= 1;
      };
    },
  };
  const never = new LogTrimmer({ maxBytes: 0, clock, logger: silentLogger });
  never.watch('/a');
  expect(timers).toHaveLength(0);
  const trimmer = new LogTrimmer({ maxBytes: 1, clock, logger: silentLogger });
  const stops = [trimmer.watch('/a'), trimmer.watch('/b'), trimmer.watch('/a')];
  expect(timers).toEqual([{ background: true }]);
  for (const stop of stops) stop();
  expect(live).toBe(0);
});
