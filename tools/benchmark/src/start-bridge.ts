import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchmarkClient } from './client.ts';
import { websocketClient } from './websocket-client.ts';

/** The minimal bridge in a process of its own, joined to one kernel. */
export interface RunningBridge extends AsyncDisposable {
  readonly pid: number;
  connect(): Promise<BenchmarkClient>;
}

const program = join(dirname(fileURLToPath(import.meta.url)), 'bridge.js');

export async function startBridge(connectionFile: string): Promise<RunningBridge> {
  const child = spawn(process.execPath, [program, connectionFile], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // A session of its own, as servers have: Linux shares the processors out by session.
    detached: true,
  });
  const url = await firstLine(child);
  return {
    pid: child.pid ?? 0,
    connect: () => websocketClient(url, ''),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function firstLine(child: ChildProcessByStdio<null, Readable, null>): Promise<string> {
  return await new Promise((resolve, reject) => {
    child.stdout.once('data', (data: Buffer) => {
      resolve(data.toString().trim());
    });
    child.once('exit', (code) => {
      reject(new Error(`the bridge ended with ${code}`));
    });
  });
}
