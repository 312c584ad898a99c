import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { BenchmarkClient } from './client.ts';
import { freePorts } from './free-ports.ts';
import { websocketClient } from './websocket-client.ts';

/** How to start a server that speaks Jupyter's REST and WebSocket API; read from `servers/*.json`. */
export interface ServerDefinition {
  readonly name: string;
  /** `{port}`, `{token}`, `{python}` and `{root}` (this repository) are filled in. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Set for a server that runs on Node: its event loop is then watched. */
  readonly runtime?: 'node';
}

export interface RunningServer extends AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
  readonly token: string;
  /** From spawn to the first answer with status 200. */
  readonly coldStartMs: number;
  get(path: string): Promise<Response>;
  start(kernelName: string): Promise<string>;
  connect(kernelId: string): Promise<BenchmarkClient>;
  shutdown(kernelId: string): Promise<void>;
}

const token = 'benchmark-token-0123456789';

export async function startServer(
  definition: ServerDefinition,
  options: { readonly env: NodeJS.ProcessEnv; readonly values: Readonly<Record<string, string>> },
): Promise<RunningServer> {
  const [port] = await freePorts(1);
  const values: Record<string, string> = { ...options.values, port: String(port), token };
  const [program = '', ...args] = definition.command.map((part) =>
    part.replace(/\{(\w+)\}/g, (whole, key: string) => values[key] ?? whole),
  );
  const startedAt = performance.now();
  const child = spawn(program, args, {
    env: { ...options.env, ...definition.env },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let log = '';
  child.stderr.on('data', (data: Buffer) => (log = (log + data.toString()).slice(-4000)));
  const url = `http://127.0.0.1:${port}`;
  const headers = { Authorization: `token ${token}`, 'Content-Type': 'application/json' };
  await firstAnswer(`${url}/api`, child, () => log);
  const coldStartMs = performance.now() - startedAt;
  return {
    name: definition.name,
    pid: child.pid ?? 0,
    url,
    token,
    coldStartMs,
    get: (path) => fetch(url + path, { headers }),
    async start(kernelName) {
      const response = await fetch(`${url}/api/kernels`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ name: kernelName }),
      });
      if (response.status !== 201) throw new Error(`${definition.name}: ${response.status} ${await response.text()}`);
      return ((await response.json()) as { id: string }).id;
    },
    connect: (kernelId) => websocketClient(`${url.replace('http', 'ws')}/api/kernels/${kernelId}/channels`, token),
    async shutdown(kernelId) {
      await fetch(`${url}/api/kernels/${kernelId}`, { method: 'DELETE', headers });
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

async function firstAnswer(url: string, child: ChildProcess, log: () => string): Promise<void> {
  for (const end = performance.now() + 60_000; performance.now() < end;) {
    if (child.exitCode !== null) break;
    try {
      const response = await fetch(url, { headers: { Authorization: `token ${token}` } });
      await response.arrayBuffer();
      if (response.status === 200) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  child.kill('SIGKILL');
  throw new Error(`${url} never answered:\n${log()}`);
}
