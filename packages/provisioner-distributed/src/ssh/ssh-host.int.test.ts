import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { delay, silentLogger, systemClock } from '@gateway-provisioners/core';
import type { DistributedConfig } from '../distributed-config.ts';
import { exportLines, quote } from '../shell/quote.ts';
import { runProgram } from '../shell/run-program.ts';
import { baseConfig, oneConnection, ssh, testbed, until } from '../testing/ssh-testbed.ts';
import { resolveTarget } from './resolve-target.ts';
import { parseSshConfig } from './ssh-config-file.ts';
import type { SshHost } from './ssh-host.ts';
import { SshPool } from './ssh-pool.ts';

const pools: SshPool[] = [];

function hostOf(name: string, config: DistributedConfig = {}, sshConfig = ''): SshHost {
  const pool = new SshPool({ clock: systemClock, logger: silentLogger });
  pools.push(pool);
  const env = { HOME: '/nonexistent', USER: 'nobody' };
  return pool.hostFor(
    resolveTarget(name, { config: { ...baseConfig, ...config }, env, lines: parseSshConfig(sshConfig) }),
  );
}

const run = async (host: SshHost, program: string): Promise<string> =>
  (await host.exec({ stdin: Buffer.from(program) })).stdout.toString('latin1');

/** Processor time of the main thread, in clock ticks: fields 14 and 15 of proc(5)'s stat, behind the name. */
async function mainThreadTicks(): Promise<number> {
  const stat = await readFile(`/proc/self/task/${process.pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

afterEach(() => {
  for (const pool of pools.splice(0)) pool.dispose();
});

describe('logging in', () => {
  test.each([
    ['an Ed25519 key', {}],
    ['an RSA key', { ssh_key_path: testbed.keyRsa }],
    ['an ECDSA key', { ssh_key_path: testbed.keyEcdsa }],
    ['an encrypted Ed25519 key', { ssh_key_path: testbed.keyLocked, ssh_key_passphrase: testbed.keyPassphrase }],
  ])('with %s', async (_what, config) => {
    expect(await run(hostOf(testbed.host1, config), 'id -un')).toBe('gp\n');
  });

  test('an encrypted key is decrypted off the main thread', async () => {
    const host = hostOf(testbed.host1, { ssh_key_path: testbed.keyLocked, ssh_key_passphrase: testbed.keyPassphrase });
    const [mainBefore, allBefore] = [await mainThreadTicks(), process.cpuUsage()];
    await run(host, 'true');
    const { user, system } = process.cpuUsage(allBefore);
    // Processor time, not that of a clock: another program's work must not decide. A tick is 10 ms.
    const mainMs = ((await mainThreadTicks()) - mainBefore) * 10;
    expect(mainMs).toBeLessThan((user + system) / 1_000 / 2);
  });

  test.each([
    ['RSA', testbed.keyRsa, []],
    ['RSA, in PEM', testbed.keyRsa, ['-m', 'PEM']],
    ['ECDSA', testbed.keyEcdsa, []],
  ] as const)('with an encrypted key as ssh-keygen writes it: %s', async (...[, key, format]) => {
    const folder = await mkdtemp(join(tmpdir(), 'gp-keys-'));
    try {
      const path = join(folder, 'key');
      await copyFile(key, path);
      await chmod(path, 0o600);
      await promisify(execFile)('ssh-keygen', [
        '-q',
        '-p',
        '-P',
        '',
        '-N',
        'a phrase',
        '-a',
        '2',
        ...format,
        '-f',
        path,
      ]);
      const config = { ssh_key_path: path, ssh_key_passphrase: 'a phrase' };
      expect(await run(hostOf(testbed.host1, config), 'id -un')).toBe('gp\n');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('a host of which only a key of another type than usual is known, under a hashed name', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gp-known-hosts-'));
    try {
      const path = join(folder, 'known_hosts');
      const lines = (await readFile(testbed.knownHosts, 'utf8')).split('\n');
      const ofRsa = lines.filter((line) => line.startsWith(`${testbed.host1} ssh-rsa `));
      await writeFile(path, `${ofRsa.join('\n')}\n`);
      await promisify(execFile)('ssh-keygen', ['-H', '-f', path]);
      expect(await readFile(path, 'utf8')).toMatch(/^\|1\|\S+ ssh-rsa \S+\n$/);
      expect(await run(hostOf(testbed.host1, { ssh_known_hosts: path }), 'hostname')).toBe('gp-ssh-1\n');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('with an agent that has the key; one without it, or that is not there, is passed over', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gp-agent-'));
    const socket = join(folder, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    const ended = once(agent, 'exit');
    try {
      await until('the agent listens', async () => (await readdir(folder)).includes('agent'));
      const nobody = hostOf(testbed.host1, { ssh_key_path: undefined, ssh_agent: socket });
      await expect(run(nobody, 'id -un')).rejects.toMatchObject({ code: 'HOST_AUTHENTICATION_FAILED' });
      await promisify(execFile)('ssh-add', ['-q', testbed.key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      expect(await run(hostOf(testbed.host1, { ssh_key_path: undefined, ssh_agent: socket }), 'id -un')).toBe('gp\n');
      const fallback = { ssh_agent: join(folder, 'none') };
      expect(await run(hostOf(testbed.host1, fallback), 'id -un')).toBe('gp\n');
    } finally {
      agent.kill();
      await ended;
      await rm(folder, { recursive: true });
    }
  });

  test('with a password', async () => {
    const config = { remote_password: testbed.password, ssh_key_path: undefined };
    expect(await run(hostOf(`${testbed.passwordUser}@${testbed.host1}`, config), 'id -un')).toBe('gppass\n');
  });

  test('through a jump host', async () => {
    const config = `Host inside\n  HostName ${testbed.innerHost}\n  ProxyJump gp@${testbed.host1}\n`;
    expect(await run(hostOf('inside', {}, config), 'hostname')).toBe('gp-ssh-inner\n');
  });

  test.each([
    [
      'a wrong password',
      `gppass@${testbed.host1}`,
      { remote_password: 'no', ssh_key_path: undefined },
      'HOST_AUTHENTICATION_FAILED',
      'password',
    ],
    ['a refused key', testbed.host1, { ssh_key_path: testbed.keyUnknown }, 'HOST_AUTHENTICATION_FAILED', 'id_unknown'],
    [
      'an encrypted key without passphrase',
      testbed.host1,
      { ssh_key_path: testbed.keyLocked },
      'HOST_AUTHENTICATION_FAILED',
      'no passphrase',
    ],
    [
      'a wrong passphrase',
      testbed.host1,
      { ssh_key_path: testbed.keyLocked, ssh_key_passphrase: 'no' },
      'HOST_AUTHENTICATION_FAILED',
      'passphrase',
    ],
    [
      'a key file that is not there',
      testbed.host1,
      { ssh_key_path: '/nowhere/key' },
      'HOST_AUTHENTICATION_FAILED',
      '/nowhere/key',
    ],
    [
      'a changed host key',
      testbed.host1,
      { ssh_known_hosts: testbed.knownHostsWrong },
      'HOST_KEY_REJECTED',
      'another ssh-ed25519 key',
    ],
    ['an unknown host key', testbed.host1, { ssh_known_hosts: '/dev/null' }, 'HOST_KEY_REJECTED', 'ssh-keyscan'],
    ['a closed port', `${testbed.host1}:2222`, {}, 'HOST_UNREACHABLE', 'ECONNREFUSED'],
    [
      'a dropped port',
      `${testbed.natHost}:2222`,
      { connect_timeout_ms: 1000 },
      'HOST_UNREACHABLE',
      '1000 ms|Timed out',
    ],
    ['an address that nobody has', '10.213.0.99', { connect_timeout_ms: 4000 }, 'HOST_UNREACHABLE', '10.213.0.99'],
    ['a name that nobody has', 'no-such-host.invalid', {}, 'HOST_UNREACHABLE', 'ENOTFOUND|EAI_AGAIN'],
  ] as const)(
    '%s is refused with its own code, and the message says what to look at',
    async (...[, name, config, code, text]) => {
      const failure = run(hostOf(name, { ...config }), 'true');
      await expect(failure).rejects.toMatchObject({ code, message: expect.stringMatching(text) });
    },
  );

  test('on first use, by that option only, a key is taken and written down', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gp-known-hosts-'));
    try {
      const config = { ssh_known_hosts: join(folder, 'new', 'known_hosts'), host_key_checking: 'accept-new' } as const;
      expect(await run(hostOf(testbed.host1, config), 'hostname')).toBe('gp-ssh-1\n');
      expect(await readFile(config.ssh_known_hosts, 'utf8')).toMatch(/^10\.213\.0\.11 ssh-ed25519 \S+\n$/);
      const strict = { ssh_known_hosts: config.ssh_known_hosts };
      expect(await run(hostOf(testbed.host1, strict), 'hostname')).toBe('gp-ssh-1\n');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('what runs on a host', () => {
  test('any bytes but NUL arrive as they are, as words and as variables', async () => {
    const host = hostOf(testbed.host1);
    // Latin-1 text has a byte for each character: all of them are tried.
    const bytes = fc
      .array(fc.oneof(fc.integer({ min: 1, max: 255 }), fc.constantFrom(...Buffer.from('\'"`$\\\n!;&|()<>*?~#\r\t'))), {
        maxLength: 60,
      })
      .map((list) => Buffer.from(list).toString('latin1'));
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { minLength: 1, maxLength: 20 }), async (texts) => {
        const env = exportLines(Object.fromEntries(texts.map((text, index) => [`GP_V${String(index)}`, text])));
        const program = [
          env,
          `set -- ${texts.map(quote).join(' ')}\n`,
          `for word in "$@"; do printf '%s\\0' "$word"; done\n`,
          ...texts.map((_, index) => `sh -c 'printf "%s\\0" "$GP_V${String(index)}"'\n`),
        ].join('');
        const { stdout } = await host.exec({ stdin: Buffer.from(program, 'latin1') });
        expect(stdout.toString('latin1').split('\0').slice(0, -1)).toEqual([...texts, ...texts]);
      }),
      { numRuns: 40 },
    );
  });

  test('nothing of a program, its words or its variables shows in ps', async () => {
    const host = hostOf(testbed.host1);
    const secret = 'secret-7f3a';
    const stdin = Buffer.from(`${exportLines({ TOKEN: secret })}set -- ${quote(secret)}\nsleep 4244\n`);
    const running = host.exec({ stdin });
    let shown = '';
    await until('the program runs', async () => (shown = await ssh('ps', '1')).includes('sleep 4244'));
    await ssh('in', '1', 'pkill', '-f', '^sleep 4244');
    expect(shown).not.toContain(secret);
    await running;
  });

  test.each(['gp', 'gpnoisy', 'gpdash'])('the login shell and the profile of %s do not disturb', async (user) => {
    const body = 'gp_main() ( printf \'one\\ntwo %s\' "$gp_word"; cat )';
    const program = { body, variables: { gp_word: "it's $(id)" } };
    const host = { name: user, exec: hostOf(`${user}@${testbed.host1}`) };
    const output = await runProgram(
      { name: user, exec: async (options) => await host.exec.exec(options) },
      program,
      {},
    );
    expect(output.toString()).toBe("one\ntwo it's $(id)");
  });

  test('an account without a shell fails with what it says', async () => {
    const host = hostOf(`gpnologin@${testbed.host1}`);
    const named = { name: 'gpnologin', exec: host.exec.bind(host) };
    const failure = runProgram(named, { body: 'gp_main() ( : )', variables: {} }, {});
    await expect(failure).rejects.toMatchObject({
      code: 'HOST_COMMAND_FAILED',
      message: expect.stringContaining('This account is currently not available'),
    });
  });

  test('a program that fails tells its status and what it wrote to its standard error', async () => {
    const host = hostOf(testbed.host1);
    const named = { name: 'one', exec: host.exec.bind(host) };
    const failure = runProgram(named, { body: 'gp_main() ( echo why >&2; exit 7 )', variables: {} }, {});
    await expect(failure).rejects.toThrow(/status 7\): why/);
  });
});

describe('one connection', () => {
  test('carries many programs and forwards at once', async () => {
    const host = hostOf(testbed.host1);
    const forwards = Array.from({ length: 30 }, () => host.forwardOut({ host: '127.0.0.1', port: 22 }, {}));
    const programs = Array.from({ length: 30 }, () => run(host, 'sleep 0.2; echo done'));
    expect(await Promise.all(programs)).toEqual(Array.from({ length: 30 }, () => 'done\n'));
    for (const stream of await Promise.all(forwards)) stream.destroy();
    await oneConnection('1');
  });

  test('more sessions than the server allows wait their turn', async () => {
    const host = hostOf(`gpfew@${testbed.host1}`);
    const programs = Array.from({ length: 12 }, () => run(host, 'sleep 0.2; echo done'));
    expect(await Promise.all(programs)).toEqual(Array.from({ length: 12 }, () => 'done\n'));
    await oneConnection('1', 'gpfew');
  });

  test('a forward to a port where nobody listens says ECONNREFUSED; one that is not allowed says so', async () => {
    const closed = hostOf(testbed.host1).forwardOut({ host: '127.0.0.1', port: 1 }, {});
    await expect(closed).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    const forbidden = hostOf(`gpnofwd@${testbed.host1}`);
    await expect(forbidden.forwardOut({ host: '127.0.0.1', port: 22 }, {})).rejects.toMatchObject({
      code: 'FORWARDING_REFUSED',
    });
    await expect(forbidden.forwardIn(() => undefined, {})).rejects.toMatchObject({ code: 'FORWARDING_REFUSED' });
  });

  test('that the server ends is made anew while somebody holds it, and what ran says that it is not known', async () => {
    const host = hostOf(testbed.host2);
    using held = host.hold();
    const running = run(host, 'sleep 4245');
    const outcome = expect(running).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    await until('the program runs', async () => (await ssh('ps', '2')).includes('sleep 4245'));
    const again = new Promise<void>((resolve) => {
      host.onConnected(resolve);
    });
    await ssh('drop-sessions', '2');
    await outcome;
    await again;
    expect(await run(host, 'pkill sleep; hostname')).toBe('gp-ssh-2\n');
    expect(held).toBeDefined();
  });

  test('is noticed to be lost by its keepalive when the host is silent', async () => {
    const host = hostOf(testbed.host2, {
      keepalive_interval_ms: 300,
      keepalive_count_max: 2,
      connect_timeout_ms: 5_000,
    });
    const connection = await host.connected();
    await ssh('loss', '2', '100');
    try {
      expect((await connection.closed)?.message).toContain('Keepalive');
      await expect(host.connected()).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
      expect(host.avoidUntil).toBeGreaterThan(Date.now() - 60_000);
    } finally {
      await ssh('loss', '2', '0');
    }
    expect(await run(host, 'hostname')).toBe('gp-ssh-2\n');
  });

  test('30 at once to one server are all made, though it turns some away', async () => {
    // A pool each, so that none is shared.
    const hosts = Array.from({ length: 30 }, () => hostOf(testbed.host1, { connect_timeout_ms: 60_000 }));
    const names = await Promise.all(hosts.map(async (host) => await run(host, 'hostname')));
    expect(new Set(names)).toEqual(new Set(['gp-ssh-1\n']));
  });

  test('is not used by a call that was aborted', async () => {
    const host = hostOf(testbed.host1);
    const controller = new AbortController();
    const running = host.exec({ stdin: Buffer.from('sleep 20'), signal: controller.signal });
    await delay(0);
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'CANCELLED' });
    await ssh('in', '1', 'sh', '-c', 'pkill -x sleep -u gp || :');
  });
});
