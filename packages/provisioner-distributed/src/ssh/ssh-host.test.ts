import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ResourceStack, delay, silentLogger, systemClock } from '@gateway-provisioners/core';
import type { Clock, Logger } from '@gateway-provisioners/core';
import { ManualClock, freePort } from '@gateway-provisioners/core/testing';
import type { DistributedConfig } from '../distributed-config.ts';
import { SmallSshServer } from '../testing/small-ssh-server.ts';
import { resolveTarget } from './resolve-target.ts';
import { parseSshConfig } from './ssh-config-file.ts';
import type { SshHost } from './ssh-host.ts';
import { SshPool } from './ssh-pool.ts';

let stack: ResourceStack;
beforeEach(() => {
  stack = new ResourceStack();
});
afterEach(async () => {
  await stack[Symbol.asyncDispose]();
});

async function hostOf(
  { port }: { readonly port: number },
  services: { readonly clock: Clock; readonly logger: Logger } = { clock: systemClock, logger: silentLogger },
): Promise<SshHost> {
  const folder = await mkdtemp(join(tmpdir(), 'gp-ssh-host-'));
  stack.defer(() => rm(folder, { recursive: true }));
  const pool = new SshPool(services);
  stack.defer(() => {
    pool.dispose();
    return Promise.resolve();
  });
  const config = {
    remote_password: 'any',
    ssh_known_hosts: join(folder, 'known_hosts'),
    host_key_checking: 'accept-new',
    connect_timeout_ms: 60_000,
  } as const;
  return pool.hostFor(resolveTarget(`me@127.0.0.1:${String(port)}`, { config, env: {}, lines: [] }));
}

test('a host with an alias is written down, and known again, under the alias alone', async () => {
  const server = stack.use(await SmallSshServer.open({ maxSessions: 2 }));
  const folder = await mkdtemp(join(tmpdir(), 'gp-ssh-host-'));
  stack.defer(() => rm(folder, { recursive: true }));
  const known = join(folder, 'known_hosts');
  const lines = parseSshConfig(`Host h\nHostName 127.0.0.1\nPort ${String(server.port)}\nHostKeyAlias my-alias`);
  for (const checking of ['accept-new', 'strict'] as const) {
    const pool = new SshPool({ clock: systemClock, logger: silentLogger });
    const config = { remote_user: 'me', remote_password: 'any', ssh_known_hosts: known, host_key_checking: checking };
    const options = { config: { ...config, connect_timeout_ms: 60_000 }, env: {}, lines };
    expect(await run(pool.hostFor(resolveTarget('h', options)), 'echo in')).toBe('in\n');
    pool.dispose();
    expect(await readFile(known, 'utf8')).toMatch(/^my-alias ssh-ed25519 \S+\n$/);
  }
});

test('one connection for all who log in alike, however long they wait', () => {
  const pool = new SshPool({ clock: systemClock, logger: silentLogger });
  const lines = parseSshConfig('Host inner\nProxyJump jump');
  const idOf = (config: DistributedConfig, name = 'node'): string =>
    pool.hostFor(resolveTarget(name, { config, env: { USER: 'me', HOME: '/home/me' }, lines })).id;
  const usual = idOf({});
  expect(idOf({ connect_timeout_ms: 500, keepalive_interval_ms: 1, keepalive_count_max: 2 })).toBe(usual);
  expect(idOf({ connect_timeout_ms: 500 }, 'inner')).toBe(idOf({}, 'inner'));
  const others: readonly DistributedConfig[] = [
    { remote_user: 'other' },
    { ssh_port: 2222 },
    { ssh_key_path: '/other' },
    { remote_password: 'x' },
    { host_key_checking: 'accept-new' },
  ];
  const ids = others.map((config) => idOf(config));
  expect(new Set([usual, ...ids]).size).toBe(others.length + 1);
  pool.dispose();
});

const run = async (host: SshHost, program: string): Promise<string> =>
  (await host.exec({ stdin: Buffer.from(program) })).stdout.toString('latin1');

/** Starts a program that takes a session for good; resolves when it runs. */
async function watchOn(host: SshHost): Promise<void> {
  const stop = new AbortController();
  const running = new Promise<void>((resolve) => {
    const stdin = Buffer.from('echo running; exec sleep 600');
    const watch = host.execAside({
      stdin,
      signal: stop.signal,
      onStdout: () => {
        resolve();
      },
    });
    const ended = watch.catch(() => undefined);
    stack.defer(async () => {
      stop.abort();
      await ended;
    });
  });
  await running;
}

describe('a server that allows few sessions on a connection', () => {
  test.each([2, 3])('%i of them, with the watch: programs wait their turn, and all are run', async (maxSessions) => {
    const server = stack.use(await SmallSshServer.open({ maxSessions }));
    const host = await hostOf(server);
    await watchOn(host);
    const outputs = await Promise.all(Array.from({ length: 12 }, async () => await run(host, 'sleep 0.05; echo done')));
    expect(outputs).toEqual(Array.from({ length: 12 }, () => 'done\n'));
    expect(server.refused).toBeGreaterThan(0);
    expect(server.made).toBe(1);
  });

  test('the watch gets its session though programs take all there are', async () => {
    const server = stack.use(await SmallSshServer.open({ maxSessions: 2 }));
    const host = await hostOf(server);
    const programs = Array.from({ length: 8 }, async () => await run(host, 'sleep 0.1; echo done'));
    await watchOn(host);
    expect(await Promise.all(programs)).toEqual(Array.from({ length: 8 }, () => 'done\n'));
  });

  test('one: the error names the setting of the server', async () => {
    const server = stack.use(await SmallSshServer.open({ maxSessions: 1 }));
    const host = await hostOf(server);
    expect(await run(host, 'echo alone')).toBe('alone\n');
    await watchOn(host);
    await expect(run(host, 'true')).rejects.toMatchObject({
      code: 'HOST_COMMAND_FAILED',
      message: expect.stringContaining('MaxSessions'),
    });
    expect(server.made).toBe(1);
  });
});

test('a host that cannot be reached is tried anew, ever less often, and avoided until it can be', async () => {
  const clock = new ManualClock();
  const pauses: number[] = [];
  const logger: Logger = {
    ...silentLogger,
    debug: (_message, fields) => {
      if (typeof fields?.['retryInMs'] === 'number') pauses.push(fields['retryInMs']);
    },
  };
  const pauseOf = async (attempt: number): Promise<number> => {
    const endsAt = Date.now() + 60_000;
    while (pauses.length < attempt && Date.now() < endsAt) await delay(5);
    return pauses[attempt - 1] ?? Number.NaN;
  };
  const port = await freePort();
  const host = await hostOf({ port }, { clock, logger });
  await expect(host.connected()).rejects.toMatchObject({ code: 'HOST_UNREACHABLE' });
  const attempts = 9;
  for (let attempt = 1; attempt < attempts; attempt += 1) {
    const pauseMs = await pauseOf(attempt);
    const middleMs = Math.min(30_000, 500 * 2 ** (attempt - 1));
    expect(pauseMs).toBeGreaterThanOrEqual(0.75 * middleMs);
    expect(pauseMs).toBeLessThanOrEqual(1.25 * middleMs);
    expect(host.avoidUntil).toBe(Number.POSITIVE_INFINITY);
    await clock.advance(pauseMs);
  }
  const last = await pauseOf(attempts);
  const server = stack.use(await SmallSshServer.open({ maxSessions: 2, port }));
  const connected = new Promise<void>((resolve) => {
    host.onConnected(resolve);
  });
  await clock.advance(last);
  await connected;
  expect(host.avoidUntil).toBeUndefined();
  expect(server.made).toBe(1);
  expect(pauses).toHaveLength(attempts);
});
