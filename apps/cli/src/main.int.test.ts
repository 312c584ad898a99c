import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { withDeadline } from '@gateway-provisioners/core';

/** The program as it is installed, so that signals and exit codes are those of a real process. */
const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));

let home = '';
const children = new Set<ChildProcess>();
beforeEach(async () => {
  if (!existsSync(program)) throw new Error(`${program} does not exist: run npm run build first`);
  home = await mkdtemp(join(tmpdir(), 'cli-main-'));
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  await rm(home, { recursive: true, force: true });
});

function start(...args: readonly string[]) {
  const child = spawn(process.execPath, [program, ...args], {
    env: { HOME: home, PATH: '/usr/bin:/bin' },
    cwd: home,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exited = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  return {
    child,
    exited: async () => {
      const [code, signal] = await withDeadline({ timeoutMs: 60_000, what: 'exit' }, () => exited);
      return { code, signal, stdout, stderr };
    },
    async shows(text: string) {
      await withDeadline({ timeoutMs: 60_000, what: JSON.stringify(text) }, async () => {
        const ended = exited.then(() => {
          throw new Error(`it ended:\n${stdout}${stderr}`);
        });
        ended.catch(() => undefined);
        while (!stdout.includes(text)) await Promise.race([once(child.stdout, 'data'), ended]);
      });
      return stdout;
    },
  };
}

async function startKernel(shown: string): Promise<string> {
  const url = /running at (\S+)/.exec(shown)?.[1] ?? '';
  const token = /Token: (\S+)/.exec(shown)?.[1] ?? '';
  const answer = await fetch(`${url}api/kernels`, {
    method: 'POST',
    headers: { Authorization: `token ${token}` },
    body: '{"name": "deno"}',
  });
  expect(answer.status).toBe(201);
  return ((await answer.json()) as { readonly id: string }).id;
}

/** Pids of processes that carry a kernel's id in their environment. */
async function processesOf(kernelId: string): Promise<readonly string[]> {
  const ps = spawn('grep', ['-las', kernelId, '--', ...(await environments())]);
  let found = '';
  ps.stdout.setEncoding('utf8').on('data', (text: string) => (found += text));
  await once(ps, 'close');
  return found.split('\n').filter((line) => line !== '' && !line.includes(`/proc/${String(ps.pid)}/`));
}

async function environments(): Promise<readonly string[]> {
  return (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map((pid) => `/proc/${pid}/environ`);
}

describe('the program', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('stops in good order at %s, kernels included', async (name) => {
    const gateway = start('start', '--port', '0');
    const kernelId = await startKernel(await gateway.shows('Ctrl-C'));
    if (process.platform === 'linux') expect((await processesOf(kernelId)).length).toBeGreaterThan(0);
    gateway.child.kill(name);
    expect(await gateway.exited()).toMatchObject({ code: 0, signal: null });
    if (process.platform === 'linux') expect(await processesOf(kernelId)).toEqual([]);
  });

  it('ends at once at the second signal, although a request is in flight', async () => {
    const run = start('start', '--port', '0', '--stop-timeout', '60');
    const shown = await run.shows('Ctrl-C');
    const { port } = new URL(/running at (\S+)/.exec(shown)?.[1] ?? '');
    const token = /Token: (\S+)/.exec(shown)?.[1] ?? '';
    const slow = connect(Number(port), '127.0.0.1');
    slow.on('error', () => undefined);
    try {
      await once(slow, 'connect');
      // The body never comes.
      const head = [
        'POST /api/kernels HTTP/1.1',
        'Host: localhost',
        `Authorization: token ${token}`,
        'Content-Length: 9',
      ];
      slow.write(`${head.join('\r\n')}\r\n\r\n`);
      const health = `http://127.0.0.1:${port}/healthz`;
      expect((await fetch(health)).status).toBe(200);
      run.child.kill('SIGTERM');
      await withDeadline({ timeoutMs: 30_000, what: 'refusal of new connections' }, async ({ signal }) => {
        while (
          !signal.aborted &&
          (await fetch(health, { headers: { connection: 'close' } }).catch(() => undefined))?.ok
        );
      });
      run.child.kill('SIGINT');
      expect(await run.exited()).toMatchObject({ code: 130 });
    } finally {
      slow.destroy();
    }
  });

  it('survives a reader that goes away', async () => {
    const run = start('kernelspecs', 'list', '--json');
    run.child.stdout.destroy();
    expect(await run.exited()).toMatchObject({ code: 0, stderr: '' });
  });

  it('exits with 2 for a wrong command line', async () => {
    expect(await start('rnu').exited()).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Did you mean run?'),
    });
  });
});
