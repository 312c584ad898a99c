import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { noRendezvous } from '@gateway-provisioners/core';
import type { LaunchContext } from '@gateway-provisioners/core';
import { LocalHost } from './hosts/local-host.ts';
import { SudoHost } from './hosts/sudo-host.ts';
import { kernelUser } from './kernel-user.ts';
import { placesOf } from './kernel-start.ts';
import { runProgram } from './shell/run-program.ts';
import { launchedFakeKernel } from './testing/fake-kernel.ts';

/** Says how it was called, then does what it was asked for. */
const SUDO = `#!/bin/sh
if [ -n "$FAKE_REFUSES" ] || [ -e "$(dirname "$0")/refuses" ]; then echo 'sudo: a password is required' >&2; exit 1; fi
printf '%s\\n' "$*" >>"$(dirname "$0")/calls"
shift 5
exec "$@"
`;
const ID = `#!/bin/sh
case $2 in alice) echo 4242 ;; toor) echo 0 ;; *) echo "id: '$2': no such user" >&2; exit 1 ;; esac
`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gp-sudo-'));
  for (const [name, text] of Object.entries({ sudo: SUDO, id: ID })) {
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), 0o755);
  }
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const login = (): LocalHost => new LocalHost('here', { PATH: `${folder}:/usr/bin:/bin`, HOME: folder });
const as = (user: string): SudoHost => new SudoHost(login(), user);
const echo = { body: 'gp_main() ( printf \'%s %s\' "$gp_word" "$PATH" )', variables: { gp_word: 'hello' } };

describe('programs of another user', () => {
  test('go through sudo, with the PATH of the account that is logged in; any bytes arrive', async () => {
    expect((await runProgram(as('alice'), echo, {})).toString()).toBe(`hello ${folder}:/usr/bin:/bin`);
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 200 }).filter((list) => !list.includes(0));
    await fc.assert(
      fc.asyncProperty(bytes, async (list) => {
        const stdin = Buffer.concat([
          Buffer.from("printf %s '"),
          Buffer.from(Buffer.from(list).toString('latin1').replaceAll("'", "'\\''"), 'latin1'),
          Buffer.from("'"),
        ]);
        const { stdout } = await as('alice').exec({ stdin });
        expect(stdout).toEqual(Buffer.from(list));
      }),
      { numRuns: 25 },
    );
  });

  test('a failure of the program is its own', async () => {
    const failing = { body: 'gp_main() ( echo why >&2; exit 7 )', variables: {} };
    await expect(runProgram(as('alice'), failing, {})).rejects.toThrow(/status 7\): why/);
    expect(await as('alice').exec({ stdin: Buffer.from('exit 9') })).toMatchObject({ exitCode: 9 });
  });

  test.each([
    ['bob', 'no such user'],
    ['toor', 'superuser'],
  ])('%s gets none: %s', async (user, message) => {
    await expect(runProgram(as(user), echo, {})).rejects.toMatchObject({
      code: 'IMPERSONATION_REFUSED',
      message: expect.stringContaining(message),
    });
  });

  test('where sudo asks for a password, the error says so in its words', async () => {
    await writeFile(join(folder, 'refuses'), '');
    try {
      await expect(runProgram(as('alice'), echo, {})).rejects.toMatchObject({
        code: 'IMPERSONATION_REFUSED',
        message: expect.stringMatching(/alice on here[\s\S]*sudoers[\s\S]*sudo: a password is required/),
      });
    } finally {
      await rm(join(folder, 'refuses'));
    }
  });

  test('where there is no sudo, the error says so', async () => {
    const bare = new SudoHost(new LocalHost('here', { PATH: '/nonexistent' }), 'alice');
    await expect(runProgram(bare, echo, {})).rejects.toThrow(/sudo is not installed/);
  });
});

describe('the user of a kernel', () => {
  const context = (user: string | undefined): LaunchContext => ({
    instanceId: 'i',
    kernelId: 'k',
    incarnation: 1,
    owner: 'o',
    kernelSpec: launchedFakeKernel(),
    env: user === undefined ? {} : { KERNEL_USERNAME: user },
    deadline: 0,
    transportEncryption: 'disabled',
    rendezvous: noRendezvous,
    checkpoint: () => Promise.resolve(),
  });
  const userOf = (user: string | undefined): string | undefined =>
    kernelUser(context(user), { impersonation_enabled: true });

  test.each(['alice', '_svc', 'Ann.Other-2', 'a'.repeat(32)])('%s is one', (user) => {
    expect(userOf(user)).toBe(user);
    expect(kernelUser(context(user), {})).toBeUndefined();
  });

  test.each([
    ...[undefined, '', 'root', '#0', '%wheel', '-u', '0', '1000', 'a b', 'a\nb', "a'b", 'a;id', '$(id)', '`id`'],
    ...['ü', 'a/b', '../a', 'a'.repeat(33), 'alice\n', 'DOMAIN\\a', 'a@b', 'a$', 'a\0', '+', 'ALL,root'],
  ])('%j is none, and is not repeated', (user) => {
    const read = (): unknown => userOf(user);
    expect(read).toThrow(expect.objectContaining({ code: 'INVALID_ENV' }));
    if (user !== undefined && user.length > 4 && user !== 'root') expect(read).not.toThrow(user);
  });

  test('the folder is in that home, under another name than what the account that is logged in knows', () => {
    const owner = { instanceId: 'i', kernelId: 'k', incarnation: 2 };
    const own = placesOf(owner, {}, login());
    expect(own.kernel).toBe(own.record);
    const { kernel, record } = placesOf(owner, { remote_dir: '/srv/kernels' }, as('alice'));
    expect(record).toEqual({ ...own.record, remoteDir: '/srv/kernels' });
    expect(kernel).toMatchObject({ remoteDir: '~/.gateway-provisioners', name: 'as-user-kernel-k-2' });
  });
});
