import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { findDenoBinary } from '@gateway-provisioners/kernelspec';
import { launcherPath } from '@gateway-provisioners/launchers';
import type { TestKernelClient } from '@gateway-provisioners/testkit';
import { createMessage } from '@gateway-provisioners/wire';
import { testPython } from '../support/test-environment.ts';
import { until } from '../support/until.ts';
import { LauncherBench, kill } from './launcher-bench.ts';
import type { LaunchOptions, LaunchUnderTest } from './launcher-bench.ts';
import { LauncherFront } from './launcher-front.ts';

let python = '';
let deno = '';
let bench: LauncherBench;

beforeAll(async () => {
  python = testPython();
  const lookup = await findDenoBinary({ resolveFrom: new URL('../../../../apps/cli/package.json', import.meta.url) });
  if ('problem' in lookup) throw new Error(lookup.problem);
  deno = lookup.path;
});

beforeEach(async () => {
  bench = await LauncherBench.start();
});

afterEach(async () => {
  await bench[Symbol.asyncDispose]();
});

const ipykernel = () => ['--', python, '-m', 'ipykernel_launcher', '-f', '{connection_file}'];
const denoKernel = () => [
  '--interrupt-mode',
  'message',
  '--',
  deno,
  'jupyter',
  '--kernel',
  '--conn',
  '{connection_file}',
];

async function launch(
  more: readonly string[],
  { on = bench, ...options }: Partial<LaunchOptions> & { readonly on?: LauncherBench } = {},
): Promise<LaunchUnderTest> {
  return await on.launch({
    argv: (parameters) => [
      process.execPath,
      launcherPath('node'),
      ...['--kernel-id', parameters.kernelId],
      ...['--response-address', parameters.responseAddress],
      ...['--public-key', parameters.publicKey],
      ...['--port-range', parameters.portRange],
      ...more,
    ],
    ...options,
  });
}

/** What a launch must not leave in the temporary folder. */
async function leftFiles(): Promise<readonly string[]> {
  const names = await readdir(await bench.scratch.folder('tmp'));
  return names.filter((name) => name.startsWith('gp-kernel-'));
}

const endless = {
  'while True: pass': (file: string) => `open(${JSON.stringify(file)}, 'w').close()\nwhile True: pass`,
  'time.sleep': (file: string) => `import time\nopen(${JSON.stringify(file)}, 'w').close()\ntime.sleep(1000)`,
};

describe.each([1, 2] as const)('version %d', (protocol) => {
  test('ipykernel is started, executes, is interrupted, and its end is told', async () => {
    const launched = await launch(ipykernel(), { protocol, secretAs: 'file' });
    const answer = await launched.answer();
    expect(answer.version).toBe(protocol);
    expect(answer.pid).not.toBe(launched.pid);
    expect(answer.pgid).toBe(answer.pid);
    expect(await readdir(await bench.scratch.folder('secrets'))).toEqual([]);
    const { comm } = answer;
    const client = await launched.connect(answer);
    const code = 'import os\nprint(6 * 7, os.environ.get("GP_LAUNCHER_V2"))';
    expect((await client.execute(code)).output).toBe('42 None\n');
    expect(await comm?.isAlive()).toBe(true);
    for (const busy of Object.values(endless)) {
      const { reply } = await launched.executeEndless(client, busy);
      expect(await comm?.signal(2)).toBe(true);
      expect((await reply).content).toMatchObject({ ename: 'KeyboardInterrupt' });
    }
    // ipykernel's copy of the real descriptor: what it captures of the other may be lost with it.
    const end = 'import os, sys\nos.write(sys.stdout._original_stdstream_copy, b"last words\\n")\nos._exit(7)';
    await client.execute(end, { timeoutMs: 2000 }).catch(() => undefined);
    if (protocol === 2) {
      const status = await until({ what: 'the end of the kernel' }, async () => {
        const now = await comm?.status();
        return now?.alive === false ? now : undefined;
      });
      expect(status.exit).toMatchObject({ reason: 'exited', exitCode: 7 });
      expect(status.logTail).toContain('last words\n');
      expect(await comm?.signal(2)).toBe(false);
      await comm?.shutdown();
    }
    expect(await launched.end()).toEqual({ code: 7, signal: null });
    expect(launched.stdout.text).toContain('last words\n');
    await launched.nothingLeft();
    expect(await leftFiles()).toEqual([]);
  });

  test("Deno's kernel executes; SIGINT does not reach it, its interrupt_request does", async () => {
    const launched = await launch(denoKernel(), { protocol, env: { DENO_NO_UPDATE_CHECK: '1' } });
    const answer = await launched.answer();
    const client = await launched.connect(answer);
    // What it prints may come after it said that it is idle, so its error is looked at.
    const thrown = await client.execute('throw new Error(String(6 * 7))');
    expect(JSON.stringify(thrown.content)).toContain('42');
    const busy = (file: string) => `Deno.writeTextFileSync(${JSON.stringify(file)}, ''); while (true);`;
    const { reply } = await launched.executeEndless(client, busy);
    if (protocol === 1) expect(await answer.comm?.signal(2)).toBe(true);
    else await expect(answer.comm?.signal(2)).rejects.toThrow('interrupt_request on its control channel');
    expect(await answer.comm?.isAlive()).toBe(true);
    interruptByMessage(client);
    expect((await reply).content).toMatchObject({ status: 'error' });
    expect((await client.execute('1 + 1')).content).toMatchObject({ status: 'ok' });
    expect(await answer.comm?.signal(15)).toBe(true);
    if (protocol === 2) await answer.comm?.shutdown();
    await launched.end();
    await launched.nothingLeft();
  });

  test('the listener survives what is no request', async () => {
    const launched = await launch(ipykernel(), { protocol });
    const answer = await launched.answer();
    const { comm } = answer;
    const port = comm?.state.port ?? 0;
    const garbage = [
      '',
      '\n',
      '{',
      '{"signum":"x"}',
      '{"signum":1e99}',
      '{"signum":true}',
      '{"signum":[9]}',
      '[]\n',
      'x'.repeat(100_000),
      '{"version":2}\n',
    ];
    for (const text of garbage) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.resume();
      socket.end(text);
      // Not `once`, which rejects at an error: a reset is as good an end as any.
      await new Promise((resolve) => socket.on('close', resolve));
    }
    const silent = Array.from({ length: 80 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    expect(await comm?.isAlive()).toBe(true);
    for (const socket of silent) socket.destroy();
    const client = await launched.connect(answer);
    expect((await client.execute('print("well")')).output).toBe('well\n');
    const { stderr } = launched;
    expect(stderr.text).not.toContain('launch_kernel.mjs');
  });

  test.each(['the launcher', 'the kernel', 'both'] as const)('%s killed: nothing is left', async (who) => {
    const launched = await launch(ipykernel(), { protocol, env: { GP_LAUNCHER_LINGER_SECONDS: '0' } });
    const answer = await launched.answer();
    const client = await launched.connect(answer);
    await client.execute('import subprocess\nsubprocess.Popen(["sleep", "1000"])');
    if (who !== 'the kernel') kill(launched.pid, 'SIGKILL');
    if (who !== 'the launcher') kill(answer.pid ?? 0, 'SIGKILL');
    expect(await launched.end()).toEqual(
      who === 'the kernel' ? { code: 137, signal: null } : { code: null, signal: 'SIGKILL' },
    );
    await launched.nothingLeft();
    await until({ what: 'the connection file to go' }, async () => (await leftFiles()).length === 0);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGHUP', 7],
  ] as const)('%s to the launcher ends the kernel in order, or not at all', async (signal, code) => {
    const launched = await launch(ipykernel(), { protocol, env: { GP_LAUNCHER_LINGER_SECONDS: '0' } });
    const answer = await launched.answer();
    const client = await launched.connect(answer);
    kill(launched.pid, signal);
    if (signal === 'SIGHUP') {
      expect((await client.execute('print(1)')).output).toBe('1\n');
      await client.execute('import os\nos._exit(7)', { timeoutMs: 2000 }).catch(() => undefined);
    }
    expect(await launched.end()).toEqual({ code, signal: null });
    await launched.nothingLeft();
  });
});

function interruptByMessage(client: TestKernelClient): void {
  const session = 'interrupter';
  const message = createMessage({ channel: 'control', msgType: 'interrupt_request', content: {}, session });
  client.channels.send(message, session);
}

describe('version 2 over HTTP', () => {
  test('the answer gets through where only the gateway’s own port can be reached', async () => {
    await using front = await LauncherFront.listen();
    await using behind = await LauncherBench.start({ httpUrl: front.url });
    front.listener = behind.listener;
    front.unavailable = 1;
    const launched = await launch(ipykernel(), { on: behind, responseAddress: '127.0.0.1:9' });
    const answer = await launched.answer();
    expect(answer.version).toBe(2);
    expect(answer.peerAddress).toBeUndefined();
    expect(front.requests).toBe(2);
    const client = await launched.connect(answer);
    expect((await client.execute('print(8)')).output).toBe('8\n');
  });

  test('a launch that nobody waits for is refused there too, at once', async () => {
    await using front = await LauncherFront.listen();
    await using other = await LauncherBench.start({ httpUrl: front.url });
    front.listener = bench.listener;
    const launched = await launch(ipykernel(), { on: other, responseAddress: '127.0.0.1:9' });
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    expect(launched.stderr.text).toMatch(/^launch_kernel\.mjs: the gateway refused the answer: .*$/m);
    expect(front.requests).toBe(1);
  });
});

describe('version 2', () => {
  test('shutdown ends a kernel that ignores SIGTERM', async () => {
    const launched = await launch(ipykernel());
    const answer = await launched.answer();
    const client = await launched.connect(answer);
    await client.execute('import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)');
    await answer.comm?.shutdown();
    expect(await launched.end()).toEqual({ code: 137, signal: null });
    await launched.nothingLeft();
  });

  test('a kernel whose lease is lost ends; one whose lease is renewed does not', async () => {
    const launched = await launch(ipykernel(), { expect: { leaseMs: 5000 } });
    const answer = await launched.answer();
    const held = answer.comm?.holdLease();
    const client = await launched.connect(answer);
    const sleep = await client.execute('import time\ntime.sleep(5.5)\nprint("on")');
    expect(sleep.output).toBe('on\n');
    held?.[Symbol.dispose]();
    expect(await launched.end()).toEqual({ code: 143, signal: null });
    await launched.nothingLeft();
  });

  test('a gateway learns how a kernel ended that never began', async () => {
    const launched = await launch(['--', python, '-c', 'print("no such module"); exit(3)', '{connection_file}']);
    const { comm } = await launched.answer();
    const status = await until({ what: 'the end of the kernel' }, async () => {
      const now = await comm?.status();
      return now?.alive === false ? now : undefined;
    });
    expect(status).toMatchObject({ logTail: 'no such module\n', exit: { reason: 'exited', exitCode: 3 } });
    await comm?.shutdown();
    expect(await launched.end()).toEqual({ code: 3, signal: null });
  });

  test('an answer that is refused ends the kernel', async () => {
    const launched = await launch(ipykernel(), { expect: { peers: ['192.0.2.1'] } });
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    expect(launched.stderr.text).toMatch(/^launch_kernel\.mjs: the gateway refused the answer: .*$/m);
    await launched.nothingLeft();
  });
});

describe.each([1, 2] as const)('what goes wrong: version %d', (protocol) => {
  test('nobody at the response address', async () => {
    const options = { protocol, responseAddress: '127.0.0.1:9', env: { GP_LAUNCHER_RETRY_SECONDS: '1' } };
    const launched = await launch(ipykernel(), options);
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    expect(launched.stderr.text).toMatch(
      /^launch_kernel\.mjs: the response address 127\.0\.0\.1:9 was not reached .*$/m,
    );
    await launched.nothingLeft();
    expect(await leftFiles()).toEqual([]);
  });

  test('a program that is not there', async () => {
    const launched = await launch(['--', '/no/such/kernel', '{connection_file}'], { protocol });
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    expect(launched.stderr.text).toMatch(
      /^launch_kernel\.mjs: the kernel's program \/no\/such\/kernel cannot be run: [^\n]*\n$/,
    );
    await launched.nothingLeft();
    expect(await leftFiles()).toEqual([]);
  });
});

/** Servers on three ports in a row, of those that the system does not take for others: which, is found by trying. */
async function takeThreePorts(low = 20_000): Promise<{ readonly low: number; readonly blockers: readonly Server[] }> {
  const blockers: Server[] = [];
  try {
    for (const port of [low, low + 1, low + 2]) {
      const server = createServer().listen(port, '0.0.0.0');
      await once(server, 'listening');
      blockers.push(server);
    }
    return { low, blockers };
  } catch (error) {
    for (const server of blockers) server.close();
    if (low > 30_000) throw error;
    return await takeThreePorts(low + 3);
  }
}

test('no free port in the range: one line', async () => {
  const { low, blockers } = await takeThreePorts();
  try {
    const argv = ['--port-range', `${String(low)}..${String(low + 2)}`, ...ipykernel()];
    const launched = await launch(argv, { env: { GP_MIN_PORT_RANGE_SIZE: '1' } });
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    expect(launched.stderr.text).toMatch(/^launch_kernel\.mjs: no free port was found in the port range [^\n]*\n$/);
  } finally {
    for (const server of blockers) server.close();
  }
});
