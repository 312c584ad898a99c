import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { testCli } from '../testing/run-in-test.ts';
import type { TestCli } from '../testing/run-in-test.ts';

/** Starts, waits for the banner, calls `use`, and stops. */
async function whileRunning(
  cli: TestCli,
  args: readonly string[],
  use: (banner: { readonly url: string; readonly token: string }) => Promise<void>,
) {
  const stop = new AbortController();
  let shown = '';
  let visit: Promise<void> | undefined;
  const result = await cli.run(['start', '--port', '0', '--log-level', 'silent', ...args], {
    signal: stop.signal,
    onText: (text) => {
      shown += text;
      const url = /running at (\S+)/.exec(shown)?.[1];
      if (url === undefined || !shown.includes('Ctrl-C') || visit !== undefined) return;
      visit = use({ url, token: /Token: (\S+)/.exec(shown)?.[1] ?? '' }).finally(() => {
        stop.abort();
      });
    },
  });
  await visit;
  expect(visit).toBeDefined();
  return result;
}

describe('start', () => {
  it('serves until it is told to stop, and prints how to connect', async () => {
    await using cli = await testCli();
    const { exitCode, stdout } = await whileRunning(cli, [], async ({ url, token }) => {
      expect(token.length).toBeGreaterThanOrEqual(20);
      expect((await fetch(`${url}api/kernelspecs`)).status).toBe(401);
      const answer = await fetch(`${url}api/kernelspecs`, { headers: { Authorization: `token ${token}` } });
      expect(await answer.json()).toMatchObject({ default: 'deno', kernelspecs: { deno: { name: 'deno' } } });
    });
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/jupyter lab --gateway-url=http:\/\/127\.0\.0\.1:\d+ --GatewayClient\.auth_token=\S{20,}\n/);
  });

  it('takes settings from flags, file and environment, and shows them', async () => {
    await using cli = await testCli();
    await writeFile(join(cli.folder, 'settings.json'), '{"base_url": "/from/file", "cull_idle_timeout": 5}');
    const env = { HOME: cli.folder, EG_PORT: '1234', EG_CULL_IDLE_TIMEOUT: '7', EG_AUTH_TOKEN: 'do-not-show-me' };
    const args = [
      'start',
      '--config',
      'settings.json',
      '--base-url',
      '/from/flag',
      '--list-kernels',
      'false',
      '--show-config',
    ];
    const { exitCode, stdout } = await cli.run(args, { env });
    expect(exitCode).toBe(0);
    for (const line of [
      'base_url: "/from/flag"  # --base-url',
      'cull_idle_timeout: 5  # ',
      'port: 1234  # EG_PORT',
      'list_kernels: false  # --list-kernels',
      'ip: "127.0.0.1"  # default',
    ]) {
      expect(stdout).toContain(line);
    }
    expect(stdout).not.toContain('do-not-show-me');
  });

  it('writes a file of settings that it can read', async () => {
    await using cli = await testCli();
    const { stdout } = await cli.run(['start', '--generate-config']);
    await writeFile(join(cli.folder, 'generated.yaml'), stdout.replace('#port: 8888', 'port: 4321'));
    const shown = await cli.run(['start', '--config', 'generated.yaml', '--show-config']);
    expect(shown.stdout).toContain('port: 4321');
  });

  it('has a flag and a line of help for each setting', async () => {
    await using cli = await testCli();
    const { stdout } = await cli.run(['start', '--help']);
    for (const flag of ['--ip', '--port', '--token', '--auth', '--base-url', '--certfile', '--cull-idle-timeout']) {
      expect(stdout).toContain(`${flag} <value>`);
    }
    expect(stdout).toContain('--cull-busy [true|false]');
    expect(stdout).toContain('EG_PORT');
  });

  it('says what is wrong', async () => {
    await using cli = await testCli();
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      for (const [args, exitCode, message] of [
        [['--port', String(port)], 1, `port ${String(port)} is in use`],
        [['--port', 'eighty', '--cull-busy', 'maybe'], 1, 'port: '],
        [['--auth', 'none', '--ip', '0.0.0.0'], 1, '0.0.0.0'],
        [['--config', 'none.json'], 1, 'none.json'],
        [['--prot', '1'], 2, 'Did you mean --port?'],
        [['--port'], 2, 'argument missing'],
      ] as const) {
        const result = await cli.run(['start', '--log-level', 'silent', ...args]);
        expect({ args, exitCode: result.exitCode }).toEqual({ args, exitCode });
        expect(result.stderr).toContain(message);
        expect(result.stderr).not.toMatch(/^\s+at /m);
      }
    } finally {
      server.close();
    }
  });
});
