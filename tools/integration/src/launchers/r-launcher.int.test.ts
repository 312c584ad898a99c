import { execFile } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { launcherPath } from '@gateway-provisioners/launchers';
import { testPython, testR, workspaceFolder } from '../support/test-environment.ts';
import { until } from '../support/until.ts';
import { LauncherBench, kill } from './launcher-bench.ts';
import type { LaunchOptions, LaunchUnderTest } from './launcher-bench.ts';

let rscript = '';
let python = '';
let bench: LauncherBench;

beforeAll(() => {
  rscript = testR();
  python = testPython();
});

beforeEach(async () => {
  bench = await LauncherBench.start();
});

afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

function rCommand(...more: readonly string[]): LaunchOptions['argv'] {
  return (parameters) => [
    rscript,
    launcherPath('r'),
    ...['--kernel-id', parameters.kernelId],
    ...['--response-address', parameters.responseAddress],
    ...['--public-key', parameters.publicKey],
    ...['--port-range', parameters.portRange],
    ...more,
  ];
}

async function launch(more: readonly string[], options: Partial<LaunchOptions> = {}): Promise<LaunchUnderTest> {
  return await bench.launch({ argv: rCommand(...more), python, ...options });
}

const endless = {
  'while (TRUE) {}': (file: string) => `file.create(${JSON.stringify(file)}); while (TRUE) {}`,
  'Sys.sleep': (file: string) => `file.create(${JSON.stringify(file)}); Sys.sleep(1000)`,
};

async function leftFiles(): Promise<readonly string[]> {
  const names = await readdir(await bench.scratch.folder('tmp'));
  return names.filter((name) => name.startsWith('kernel-') || name.startsWith('gp-kernel-'));
}

/** With Python there are both versions; R alone speaks the second. */
const listeners = [
  { listener: 'Python', protocol: 1 },
  { listener: 'Python', protocol: 2 },
  { listener: 'R', protocol: 2 },
] as const;

describe.each(listeners)('the listener in $listener, version $protocol', ({ listener: language, protocol }) => {
  const chosen = { GP_R_LISTENER: language };

  test('IRkernel is started, executes, is interrupted, and its end is told', async () => {
    const launched = await launch([], { protocol, secretAs: 'file', env: chosen });
    const answer = await launched.answer();
    expect(answer.version).toBe(protocol);
    expect(await readdir(await bench.scratch.folder('secrets'))).toEqual([]);
    const { comm } = answer;
    const client = await launched.connect(answer);
    expect(
      (await client.execute('cat(6 * 7, Sys.getenv("GP_LAUNCHER_V2", "none"), length(ls(globalenv())))')).output,
    ).toBe('42 none 0');
    expect(await comm?.isAlive()).toBe(true);
    for (const busy of Object.values(endless)) {
      const { reply } = await launched.executeEndless(client, busy);
      expect(await comm?.signal(2)).toBe(true);
      expect((await reply).content['status']).not.toBe('ok');
      expect((await client.execute('cat(1)')).output).toBe('1');
    }
    await client
      .execute('system("echo last words >&2"); tools::pskill(Sys.getpid(), 9)', { timeoutMs: 3000 })
      .catch(() => undefined);
    if (protocol === 2) {
      const status = await until({ what: 'the end of the kernel' }, async () => {
        const now = await comm?.status();
        return now?.alive === false ? now : undefined;
      });
      expect(status.exit).toMatchObject({ reason: 'signalled', signal: 'SIGKILL' });
      if (language === 'Python') expect(status.logTail).toContain('last words\n');
      await comm?.shutdown();
    }
    expect(await launched.end()).toEqual({ code: 137, signal: null });
    await launched.nothingLeft();
    expect(await leftFiles()).toEqual([]);
  });

  test('what the kernel’s user makes is as readable as the launcher was told', async () => {
    const own = rCommand();
    const argv: LaunchOptions['argv'] = (parameters) => [
      'sh',
      '-c',
      'umask 027 && exec "$@"',
      'sh',
      ...own(parameters),
    ];
    const launched = await launch([], { protocol, argv, env: chosen });
    const client = await launched.connect();
    expect((await client.execute('cat(format(Sys.umask(NA)))')).output).toBe('27');
  });

  test.each(['the launcher', 'the listener', 'the kernel', 'all'] as const)(
    '%s killed: nothing is left',
    async (who) => {
      const launched = await launch([], { protocol, env: { ...chosen, GP_LAUNCHER_LINGER_SECONDS: '0' } });
      const answer = await launched.answer();
      const client = await launched.connect(answer);
      await client.execute('system("sleep 1000 &")');
      const listener = (await launched.processes()).find(({ command }) => command.includes('server_listener.py'));
      if (who === 'the launcher' || who === 'all') kill(launched.pid, 'SIGKILL');
      if (who === 'the listener' || who === 'all') kill(listener?.pid ?? launched.pid, 'SIGKILL'); // In R, the launcher is its own listener.
      if (who === 'the kernel' || who === 'all') kill(answer.pid ?? 0, 'SIGKILL');
      const { code } = await launched.end();
      if (who === 'the kernel') expect(code).toBe(137);
      await launched.nothingLeft();
      await until({ what: 'the connection file to go' }, async () => (await leftFiles()).length === 0);
    },
  );

  test('the kernel killed, and the launcher while it still tells of that: nothing is left', async () => {
    const launched = await launch([], { protocol, env: { ...chosen, GP_LAUNCHER_LINGER_SECONDS: '1000' } });
    const answer = await launched.answer();
    kill(answer.pid ?? 0, 'SIGKILL');
    await until({ what: 'the end of the kernel to be seen' }, async () => (await answer.comm?.isAlive()) === false);
    const listener = (await launched.processes()).find(({ command }) => command.includes('server_listener.py'));
    kill(launched.pid, 'SIGKILL');
    kill(listener?.pid ?? launched.pid, 'SIGKILL');
    await launched.end();
    await launched.nothingLeft();
    await until({ what: 'the connection file to go' }, async () => (await leftFiles()).length === 0);
  });

  test('SIGTERM to the launcher ends the kernel', async () => {
    const launched = await launch([], { protocol, env: chosen });
    await (await launched.connect()).execute('1');
    kill(launched.pid, 'SIGTERM');
    await launched.end();
    await launched.nothingLeft();
  });

  test('nobody at the response address', async () => {
    const options = { protocol, responseAddress: '127.0.0.1:9', env: { ...chosen, GP_LAUNCHER_RETRY_SECONDS: '1' } };
    const launched = await launch([], options);
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    expect(launched.stderr.text).toMatch(/^[\w.]+: .*127\.0\.0\.1:9.*$/m);
    await launched.nothingLeft();
  });
});

test('the vectors of the protocol, in R', async () => {
  const packages = join(workspaceFolder, 'packages');
  const args = [join(packages, 'launchers/R/test/vectors.R'), join(packages, 'launcher-protocol/vectors')];
  const { stdout } = await promisify(execFile)(rscript, args);
  expect(Number(/^(\d+) checks$/m.exec(stdout)?.[1])).toBeGreaterThan(80);
});

describe('without Python', () => {
  const env = { GP_R_LISTENER: 'R', GP_LAUNCHER_LINGER_SECONDS: '0' };

  test('a kernel whose lease is lost ends; one whose lease is renewed does not', async () => {
    const launched = await launch([], { env, expect: { leaseMs: 5000 } });
    const answer = await launched.answer();
    const held = answer.comm?.holdLease();
    const client = await launched.connect(answer);
    expect((await client.execute('Sys.sleep(6); cat("on")')).output).toBe('on');
    held?.[Symbol.dispose]();
    expect(await launched.end()).toEqual({ code: 143, signal: null });
    await launched.nothingLeft();
  });

  test('how the kernel ended is told as it was, however long it takes to be noted', async () => {
    const slow = await bench.scratch.folder('slow');
    const mv = join(slow, 'mv');
    await writeFile(mv, '#!/bin/sh\nsleep 0.5\nexec /bin/mv "$@"\n', { mode: 0o755 });
    const path = `${slow}:${dirname(python)}:${process.env['PATH'] ?? ''}`;
    const launched = await launch([], { env: { ...env, GP_LAUNCHER_LINGER_SECONDS: '1000', PATH: path } });
    const { comm, pid } = await launched.answer();
    kill(pid ?? 0, 'SIGKILL');
    const status = await until({ what: 'the end of the kernel' }, async () => {
      const now = await comm?.status();
      return now?.alive === false ? now : undefined;
    });
    expect(status.exit).toMatchObject({ reason: 'signalled', signal: 'SIGKILL' });
    await comm?.shutdown();
    expect(await launched.end()).toEqual({ code: 137, signal: null });
    await launched.nothingLeft();
  });

  test('the listener survives what is no request, and silence', async () => {
    const launched = await launch([], { env });
    const { comm } = await launched.answer();
    const port = comm?.state.port ?? 0;
    for (const text of ['', '\n', '{', '[]\n', 'x'.repeat(100_000), '{"version":2}\n', '\0\n']) {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      socket.resume();
      socket.end(text);
      await new Promise((resolve) => socket.once('close', resolve));
    }
    const silent = Array.from({ length: 80 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    expect(await comm?.isAlive()).toBe(true);
    for (const socket of silent) socket.destroy();
    await comm?.shutdown();
    expect((await launched.end()).signal).toBeNull();
    await launched.nothingLeft();
    expect(await leftFiles()).toEqual([]);
  });

  test.each([
    [['--port-range', '40000..40010'], {}, 'must hold at least 1000 ports'],
    [['--response-address', 'h'], {}, 'is not host:port'],
    [
      ['--port-range', '41000..41003'],
      { GP_MIN_PORT_RANGE_SIZE: '3' },
      'no free port was found in the port range 41000..41003',
    ],
    [[], { GP_LAUNCHER_V2: 'x' }, 'GP_LAUNCHER_V2 is not base64 of a JSON object'],
    [[], { GP_LAUNCHER_V2: '' }, 'only version 2 is spoken'],
  ])('what goes wrong: %j %j', async (options, more, message) => {
    const launched = await launch(options, { env: { ...env, ...more } });
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    expect(launched.stderr.text).toMatch(/^launch_IRkernel\.R: [^\n]*\n$/);
    expect(launched.stderr.text).toContain(message);
  });
});

describe('what goes wrong', () => {
  test.each([
    [['--kernel-id', '../x'], '--kernel-id must be'],
    [['--kernle-id', 'x'], 'unknown option --kernle-id'],
    [['--spark-context-initialization-mode', 'soon'], 'must be lazy, eager or none'],
    [['--spark-context-initialization-mode', 'lazy'], 'the package SparkR is not here'],
    [['--transport-encryption', 'required'], 'IRkernel does not encrypt'],
    [['--port-range', '40000..40010'], '40000..40010'],
  ])('%j', async (options, message) => {
    const launched = await launch(options);
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    expect(launched.stderr.text).toMatch(/^[\w.]+: [^\n]*\n$/);
    expect(launched.stderr.text).toContain(message);
    await launched.nothingLeft();
  });

  test.each([
    [[], '--kernel-id is missing'],
    [['--kernel-id', 'k'], '--response-address is missing'],
    [['--kernel-id', 'k', '--response-address', 'h:1'], '--public-key is missing'],
  ])('missing options: %j', async (options, message) => {
    const launched = await bench.launch({ argv: () => [rscript, launcherPath('r'), ...options], protocol: 1, python });
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    expect(launched.stderr.text).toMatch(/^launch_IRkernel\.R: [^\n]*\n$/);
    expect(launched.stderr.text).toContain(message);
  });

  test("options by Enterprise Gateway's names", async () => {
    const launched = await bench.launch({
      argv: ({ kernelId, responseAddress, publicKey }) => [
        rscript,
        launcherPath('r'),
        `--RemoteProcessProxy.kernel-id=${kernelId}`,
        ...['--RemoteProcessProxy.response-address', responseAddress],
        ...['--RemoteProcessProxy.public-key', publicKey],
        ...['--RemoteProcessProxy.spark-context-initialization-mode', 'none'],
      ],
      env: { PATH: `${dirname(python)}:${process.env['PATH'] ?? ''}` },
    });
    const client = await launched.connect();
    expect((await client.execute('cat("on")')).output).toBe('on');
  });
});
