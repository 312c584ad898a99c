import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ResourceStack, silentLogger, systemClock } from '@gateway-provisioners/core';
import { SmallSshServer } from '../testing/small-ssh-server.ts';
import { resolveTarget } from './resolve-target.ts';
import type { SshHost } from './ssh-host.ts';
import { SshPool } from './ssh-pool.ts';

let stack: ResourceStack;
beforeEach(() => {
  stack = new ResourceStack();
});
afterEach(async () => {
  await stack[Symbol.asyncDispose]();
});

async function hostOf(server: SmallSshServer): Promise<SshHost> {
  const folder = await mkdtemp(join(tmpdir(), 'gp-ssh-host-'));
  stack.defer(() => rm(folder, { recursive: true }));
  const pool = new SshPool({ clock: systemClock, logger: silentLogger });
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
  return pool.hostFor(resolveTarget(`me@127.0.0.1:${String(server.port)}`, { config, env: {}, lines: [] }));
}

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
