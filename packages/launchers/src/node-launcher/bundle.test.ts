import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { launcherPath } from '../launcher-paths.ts';

const run = promisify(execFile);

test('the one file is up to date, and runs', async () => {
  const program = fileURLToPath(new URL('../../programs/bundle-node-launcher.mjs', import.meta.url));
  await run(process.execPath, [program, '--check']);
  const { stdout } = await run(process.execPath, [launcherPath('node'), '--help']);
  expect(stdout).toMatch(/^Usage: launch_kernel\.mjs /);
});

test.each([
  [[], '--kernel-id is missing'],
  [['--kernel-id', 'k', '--', 'x', '{connection_file}'], '--response-address is missing'],
  [['--kernel-id', 'k', '--response-address', 'h:1', '--', 'x', '{connection_file}'], '--public-key is missing'],
])('%j: one line, and 1', async (args, message) => {
  const failed = run(process.execPath, [launcherPath('node'), ...args], { env: { PATH: '/usr/bin:/bin' } });
  await expect(failed).rejects.toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(message) });
  await expect(failed).rejects.toMatchObject({ stderr: expect.stringMatching(/^launch_kernel\.mjs: [^\n]*\n$/) });
});
