import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { delay } from '@gateway-provisioners/core';
import { LocalHost } from '../hosts/local-host.ts';
import { loadProgram, removeProgram, startProgram } from './kernel-programs.ts';
import type { StartProgram } from './kernel-programs.ts';
import { runProgram } from './run-program.ts';

let folder: string;
let host: LocalHost;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gp-programs-'));
  host = new LocalHost('here', { PATH: '/usr/bin:/bin', HOME: folder });
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

test('a host tells its processors and its load', async () => {
  const output = await runProgram(host, loadProgram, {});
  const [processors, load] = output.toString('latin1').trim().split(/\s+/).map(Number);
  expect(processors).toBeGreaterThanOrEqual(1);
  expect(load).toBeGreaterThanOrEqual(0);
});

describe('a folder for logs', () => {
  const start = (options: Partial<StartProgram> = {}): StartProgram => ({
    remoteDir: '~/ours',
    name: 'kernel-k-1',
    owner: `test/${folder}`,
    argv: ['/bin/sh', '-c', 'echo said; exec sleep 600'].map((text) => ({ text })),
    env: {},
    cwd: undefined,
    logDir: '~/logs',
    kernelId: 'k',
    ...options,
  });

  test('keeps what a kernel wrote when it is gone', async () => {
    expect((await runProgram(host, startProgram(start()), {})).toString()).toMatch(/^started \d+ /);
    const log = join(folder, 'logs', 'kernel-k.log');
    const endsAt = Date.now() + 60_000;
    while ((await readFile(log, 'utf8')) !== 'said\n' && Date.now() < endsAt) await delay(20);
    await runProgram(host, removeProgram(start()), {});
    expect(await readFile(log, 'utf8')).toBe('said\n');
  });

  test('where the log is a link, nothing is started, and what it leads to is left alone', async () => {
    await writeFile(join(folder, 'other'), 'mine');
    await symlink(join(folder, 'other'), join(folder, 'kernel-k.log'));
    await expect(runProgram(host, startProgram(start({ logDir: folder })), {})).rejects.toMatchObject({
      code: 'HOST_COMMAND_FAILED',
      message: expect.stringContaining(`cannot write ${join(folder, 'kernel-k.log')}`),
    });
    expect(await readFile(join(folder, 'other'), 'utf8')).toBe('mine');
  });
});
