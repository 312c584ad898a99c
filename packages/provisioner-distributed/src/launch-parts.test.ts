import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { noRendezvous } from '@gateway-provisioners/core';
import type { LaunchContext } from '@gateway-provisioners/core';
import { LocalHost } from './hosts/local-host.ts';
import { configFromEnv, effectiveConfig } from './distributed-config.ts';
import { kernelEnvironment } from './kernel-env.ts';
import { exportLines, quote } from './shell/quote.ts';
import { runProgram } from './shell/run-program.ts';
import { unpackProgram } from './shell/unpack-program.ts';
import { stageCommand } from './staging.ts';
import { launchedFakeKernel } from './testing/fake-kernel.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gp-parts-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('quote', () => {
  test('any text but NUL comes out of the shell as it went in', async () => {
    const host = new LocalHost('here', {});
    const text = fc.string({
      unit: fc.oneof(fc.constantFrom(...Array.from('\'"`$\\\n!;&|()<> *?')), fc.string({ minLength: 1, maxLength: 1 })),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          text.filter((value) => !value.includes('\0')),
          { minLength: 1 },
        ),
        async (texts) => {
          const stdin = Buffer.from(
            `${exportLines({ X: texts[0] ?? '' })}printf '%s\\0' ${texts.map(quote).join(' ')}; sh -c 'printf %s "$X"'`,
          );
          const { stdout } = await host.exec({ stdin });
          const expected = [...texts, texts[0]].map((value) => Buffer.from(value ?? '').toString());
          expect(stdout.toString().split('\0')).toEqual(expected);
        },
      ),
      { numRuns: 30 },
    );
  });

  test('NUL, and names that are none, are refused; the message never has the value', () => {
    expect(() => quote('a\0b')).toThrow('NUL');
    for (const name of ['A B', '', '1A', 'A=B', 'ü', 'A;id']) {
      expect(() => exportLines({ [name]: 'secret' })).toThrow(expect.objectContaining({ code: 'INVALID_ENV' }));
      expect(() => exportLines({ [name]: 'secret' })).not.toThrow('secret');
    }
    expect(exportLines({ UID: '0', PPID: '1' })).toBe('');
  });
});

describe('stageCommand', () => {
  const stage = async (argv: readonly string[], staging: 'auto' | 'always' | 'never' = 'auto') =>
    await stageCommand({ argv, resourceDir: folder, staging });

  test('files of the kernelspec and launchers by name are staged, other words are left alone', async () => {
    await mkdir(join(folder, 'bin'));
    await writeFile(join(folder, 'bin', 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
    await symlink('/etc/passwd', join(folder, 'link'));
    const own = join(folder, 'bin/run.sh');
    const { argv, bundles } = await stage([
      own,
      '/opt/k/scripts/launch_ipykernel.py',
      'launch_ipykernel.py',
      '/etc/x',
      join(folder, 'link'),
    ]);
    expect(argv.map(({ staged }) => staged?.path)).toEqual([
      'bin/run.sh',
      'python/scripts/launch_ipykernel.py',
      undefined,
      undefined,
      undefined,
    ]);
    const bundle = bundles.get(argv[0]?.staged?.bundle ?? '');
    expect(bundle?.files.map(({ path, isExecutable }) => [path, isExecutable])).toEqual([['bin/run.sh', true]]);
  });

  test.each([
    ['launch_ipykernel.py', ['python/scripts/launch_ipykernel.py', 'python/scripts/gateway_protocol.py']],
    [
      'launch_IRkernel.R',
      ['R/scripts/launch_IRkernel.R', 'python/scripts/server_listener.py', 'python/scripts/gateway_protocol.py'],
    ],
    ['launch_kernel.mjs', ['node/launch_kernel.mjs']],
  ])('%s comes with all that it needs, and no more', async (name, needed) => {
    const { argv, bundles } = await stage([`/opt/kernels/scripts/${name}`]);
    expect(argv[0]?.staged?.path).toBe(needed[0]);
    const paths = [...bundles.values()].flatMap(({ files }) => files.map(({ path }) => path));
    expect(paths).toEqual(expect.arrayContaining(needed));
    const folders = new Set(needed.map((path) => path.split('/')[0]));
    expect(new Set(paths.map((path) => path.split('/')[0]))).toEqual(folders);
    expect(paths.filter((path) => path.includes('test'))).toEqual([]);
  });

  test('a kernelspec that was moved elsewhere brings along the files that it names at its first place', async () => {
    await mkdir(join(folder, 'bin'));
    await writeFile(join(folder, 'bin', 'run.sh'), '#!/bin/sh\n', { mode: 0o755 });
    const at = `/usr/local/share/jupyter/kernels/${basename(folder)}`;
    const words = [`${at}/bin/run.sh`, `${at}/../x`, `${at}/none`, '/usr/local/share/jupyter/kernels/other/bin/run.sh'];
    const { argv } = await stage(words);
    expect(argv.map(({ staged }) => staged?.path)).toEqual(['bin/run.sh', undefined, undefined, undefined]);
    expect(argv.map(({ text }) => text)).toEqual(words);
  });

  test('the name of a bundle is that of its content', async () => {
    await writeFile(join(folder, 'a'), 'one');
    const hashOf = async () => (await stage([join(folder, 'a')])).argv[0]?.staged?.bundle;
    const before = await hashOf();
    expect(await hashOf()).toBe(before);
    await writeFile(join(folder, 'a'), 'two');
    expect(await hashOf()).not.toBe(before);
  });

  test('`never` stages nothing', async () => {
    expect((await stage(['/opt/k/scripts/launch_ipykernel.py'], 'never')).bundles.size).toBe(0);
  });

  test('a bundle can be unpacked without file transfer: any bytes, any names, twice', async () => {
    const files = [
      { path: "it's/a $(name)", content: Uint8Array.from({ length: 256 }, (_, byte) => byte), isExecutable: true },
      { path: 'empty', content: new Uint8Array(), isExecutable: false },
    ];
    const paths = { unfinished: join(folder, 'new'), target: join(folder, 'done') };
    const host = new LocalHost('here', { HOME: folder });
    for (let round = 0; round < 2; round += 1) await runProgram(host, unpackProgram({ hash: 'h', files }, paths), {});
    const check = {
      body: `gp_main() ( cd ${quote(paths.target)} && cat "it's/a \\$(name)" && [ -x "it's/a \\$(name)" ] && [ -e empty ] )`,
      variables: {},
    };
    expect(await runProgram(host, check, {})).toEqual(Buffer.from(files[0]!.content));
  });
});

describe('kernelEnvironment', () => {
  const hostEnv = { PATH: '/gateway/bin', HOME: '/home/gateway', LANG: 'C.UTF-8' };
  const context: LaunchContext = {
    instanceId: 'i',
    kernelId: 'k',
    incarnation: 1,
    owner: 'o',
    kernelSpec: { ...launchedFakeKernel(), env: { HOME: '/home/gateway' } },
    env: { ...hostEnv, KERNEL_ID: 'k' },
    deadline: 0,
    transportEncryption: 'disabled',
    rendezvous: noRendezvous,
    checkpoint: () => Promise.resolve(),
  };
  const parameters = {
    public: { kernelId: 'k', responseAddress: 'a:1', publicKey: 'p', portRange: '0..0' },
    secret: { launcherV2: 'secret' },
  };

  test('what describes this machine stays here, unless the kernelspec names it', () => {
    const env = kernelEnvironment({ context, parameters, host: { isLocal: false, user: undefined }, hostEnv });
    expect(env).toMatchObject({ HOME: '/home/gateway', LANG: 'C.UTF-8', GP_LAUNCHER_V2: 'secret' });
    expect(env).not.toHaveProperty('PATH');
    expect(kernelEnvironment({ context, parameters, host: { isLocal: true, user: undefined }, hostEnv })).toMatchObject(
      { PATH: '/gateway/bin' },
    );
    const asked = { ...context, env: { PATH: '/request/bin' } };
    expect(
      kernelEnvironment({ context: asked, parameters, host: { isLocal: false, user: undefined }, hostEnv }),
    ).toMatchObject({
      PATH: '/request/bin',
    });
  });
});

describe('settings', () => {
  test('come from the environment by our names, those of Gateway Provisioners and of Enterprise Gateway', () => {
    expect(
      configFromEnv({
        EG_REMOTE_HOSTS: 'a, b,',
        GP_SSH_PORT: '2222',
        EG_REMOTE_USER: 'alice',
        GP_REMOTE_PWD: 'x',
        GP_ENABLE_TUNNELING: 'True',
        EG_KERNEL_LOG_DIR: '/var/log/k',
        GP_SSH_AGENT: '/run/agent',
      }),
    ).toMatchObject({
      remote_hosts: ['a', 'b'],
      ssh_port: 2222,
      remote_user: 'alice',
      remote_password: 'x',
      tunneling: true,
      kernel_log_dir: '/var/log/k',
      ssh_agent: '/run/agent',
    });
  });

  test('a kernelspec comes before the environment', () => {
    const env = { GP_REMOTE_HOSTS: 'a', GP_REMOTE_USER: 'alice' };
    expect(effectiveConfig({ remote_hosts: ['b'], remote_user: undefined }, env)).toMatchObject({
      remote_hosts: ['b'],
      remote_user: 'alice',
    });
  });

  test('problems of the environment are all told at once, secrets never', () => {
    const read = (): unknown =>
      configFromEnv({ GP_SSH_PORT: 'x', GP_ENABLE_TUNNELING: 'maybe', GP_REMOTE_PWD: 'secret' });
    expect(read).toThrow(/GP_SSH_PORT[\s\S]*GP_ENABLE_TUNNELING/);
    expect(read).not.toThrow('secret');
  });
});
