import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { withDeadline } from '@gateway-provisioners/core';
import { cliProgram } from '../support/gateway-under-test.ts';
import { OutputTail } from '../support/output-tail.ts';
import { firstUrl } from '../support/server-process.ts';
import type { RunningServer } from '../support/server-process.ts';
import type { ScratchFolder } from '../support/scratch-folder.ts';
import { endMarked } from '../support/process-census.ts';
import { until } from '../support/until.ts';

export interface MortalGatewayOptions {
  /** Home of its state; a later gateway with the same folder finds the kernels of this one. */
  readonly scratch: ScratchFolder;
  readonly python?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** With {@link MortalGateway.collectGarbage}; default false. */
  readonly collectable?: boolean | undefined;
}

/** A gateway that is meant to be killed; its kernels outlive it. Disposal kills it, and them too. */
export interface MortalGateway extends RunningServer {
  readonly pid: number;
  /** Sends SIGKILL and waits until the process is gone. */
  killHard(): Promise<void>;
  /** Has its process collect all garbage; returns what it has then. Only when it is `collectable`. */
  collectGarbage(): Promise<Memory>;
}

export interface Memory {
  /** What is resident, in bytes: in steps of the pages of the collector and the C library. */
  readonly rssBytes: number;
  /** What JavaScript's objects and their buffers take, in bytes. */
  readonly usedBytes: number;
}

const TOKEN = 'mortal-token';

/** Runs in the gateway's process: collects when it is asked to over the channel to its parent, then answers. */
const COLLECTOR = `
process.on('message', async () => {
  for (let round = 0; round < 2; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    gc();
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send({ rssBytes: rss, usedBytes: heapUsed + external });
});
process.channel.unref();
`;
const COLLECTABLE = ['--expose-gc', `--import=data:text/javascript,${encodeURIComponent(COLLECTOR)}`];

/** Starts a gateway over the state of its predecessors and waits until it has recovered what they left. */
export async function startMortalGateway(options: MortalGatewayOptions): Promise<MortalGateway> {
  const { scratch } = options;
  const state = await scratch.folder('state');
  const output = new OutputTail();
  const args = ['start', '--port', '0', '--token', TOKEN, '--state-dir', state, '--kernels-on-stop', 'keep'];
  const nodeOptions = options.collectable === true ? COLLECTABLE : [];
  const child = spawn(process.execPath, [...nodeOptions, cliProgram(), ...args], {
    cwd: await scratch.folder('work'),
    env: await scratch.environment({ python: options.python, extra: options.env }),
    stdio: ['ignore', 'pipe', 'pipe', ...(options.collectable === true ? (['ipc'] as const) : [])],
    detached: true,
  });
  output.follow(child.stdout);
  output.follow(child.stderr);
  const exited = once(child, 'exit');
  const killHard = async (): Promise<void> => {
    child.kill('SIGKILL');
    await withDeadline({ what: 'end after SIGKILL', timeoutMs: 60_000 }, () => exited);
  };
  const url = await until({ what: `the URL in the output: ${output.text}`, timeoutMs: 60_000 }, () => {
    if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}:\n${output.lastLines()}`);
    return firstUrl(output.text);
  }).catch(async (error: unknown) => {
    await killHard();
    throw error;
  });
  const base = url.endsWith('/') ? url : `${url}/`;
  const request = (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    headers.set('Authorization', `token ${TOKEN}`);
    return fetch(new URL(path, base), { ...init, headers });
  };
  await until({ what: 'readiness', timeoutMs: 60_000 }, async () => {
    const response = await request('readyz').catch(() => undefined);
    await response?.body?.cancel();
    return response?.ok;
  });
  return {
    name: 'gateway',
    url: base,
    token: TOKEN,
    pid: child.pid ?? 0,
    scratch,
    log: () => output.text,
    request,
    signal: (signal) => child.kill(signal),
    killHard,
    async collectGarbage() {
      const collected = once(child, 'message');
      child.send('collect');
      const [memory] = (await withDeadline({ what: 'garbage collection', timeoutMs: 30_000 }, () => collected)) as [
        Memory,
      ];
      return memory;
    },
    async [Symbol.asyncDispose]() {
      await killHard();
      await endMarked(scratch.path);
    },
  };
}
