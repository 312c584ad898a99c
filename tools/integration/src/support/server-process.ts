import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { ResourceStack, errorMessage, withDeadline } from '@gateway-provisioners/core';
import { freePort } from '@gateway-provisioners/core/testing';
import { OutputTail } from './output-tail.ts';
import { endMarked, processesMarked } from './process-census.ts';
import { createScratchFolder } from './scratch-folder.ts';
import type { ScratchFolder } from './scratch-folder.ts';
import type { ServerDefinition } from './server-definition.ts';
import { workspaceFolder } from './test-environment.ts';
import { until } from './until.ts';

export interface StartServerOptions {
  readonly definition: ServerDefinition;
  /** Interpreter that the server and its kernels find first; fills `{python}`. */
  readonly python?: string | undefined;
  /** Milliseconds until `/api` must answer; default 60 s. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds for it to end after SIGTERM; default 40 s. */
  readonly stopTimeoutMs?: number | undefined;
  /** Milliseconds for the processes that it started to end after it; default 30 s. */
  readonly leftoverTimeoutMs?: number | undefined;
}

/**
 * A server under test. Disposal asks it to end (SIGTERM), kills what is left of its group, and **rejects** when it did
 * not end in time or when any process that it started is still there: a suite that leaks fails.
 */
export interface RunningServer extends AsyncDisposable {
  readonly name: string;
  /** Ends with `/`. */
  readonly url: string;
  /** Empty: none. */
  readonly token: string;
  /** Undefined for a server that ran already. */
  readonly pid: number | undefined;
  readonly scratch: ScratchFolder;
  /** All that it printed, up to some megabytes. */
  readonly log: () => string;
  /** A request with the token; `path` is relative to `url`. */
  request(path: string, init?: RequestInit): Promise<Response>;
  signal(signal: NodeJS.Signals): void;
}

/** Starts the server and waits until it answers. On failure nothing is left; the error has the end of its output. */
export async function startServer(options: StartServerOptions): Promise<RunningServer> {
  const { definition } = options;
  await using stack = new ResourceStack();
  const scratch = stack.use(await createScratchFolder());
  const mentions = (placeholder: string): boolean =>
    definition.command?.some((part) => part.includes(placeholder)) === true;
  const token = definition.token ?? (mentions('{token}') ? randomUUID() : '');
  const address = definition.url ?? (mentions('{port}') ? 'http://127.0.0.1:{port}/' : undefined);
  const fill = filler({
    port: await freePort(),
    token,
    scratch: scratch.path,
    python: options.python,
    node: process.execPath,
    root: workspaceFolder,
  });
  const output = new OutputTail();
  const child =
    definition.command === undefined
      ? undefined
      : spawn(fill(definition.command[0] ?? ''), definition.command.slice(1).map(fill), {
          cwd: await scratch.folder('work'),
          env: await scratch.environment({ python: options.python, extra: definition.env }),
          stdio: ['ignore', 'pipe', 'pipe'],
          detached: true, // its own group, so that all of it can be ended
        });
  if (child !== undefined) {
    output.follow(child.stdout);
    output.follow(child.stderr);
    child.on('error', () => undefined); // seen through `ended` below
    stack.defer(() => endServer({ child, output, scratch, ...options }));
  }
  const timeoutMs = options.timeoutMs ?? 60_000;
  const ended = (): void => {
    if (child === undefined || (child.pid !== undefined && child.exitCode === null && child.signalCode === null))
      return;
    throw new Error(`it ended (${String(child.exitCode ?? child.signalCode ?? 'could not be started')})`);
  };
  try {
    const url = withSlash(
      address !== undefined
        ? fill(address)
        : await until({ what: 'the URL in the output', timeoutMs }, () => {
            ended();
            return firstUrl(output.text);
          }),
    );
    const request = (path: string, init: RequestInit = {}): Promise<Response> => {
      const headers = new Headers(init.headers);
      if (token !== '') headers.set('Authorization', `token ${token}`);
      return fetch(new URL(path, url), { ...init, headers });
    };
    await until({ what: `an answer at ${url}api`, timeoutMs }, async () => {
      ended();
      const response = await request('api').catch(() => undefined);
      await response?.body?.cancel();
      return response?.ok;
    });
    const owned = stack.move();
    return {
      name: definition.name,
      url,
      token,
      pid: child?.pid,
      scratch,
      log: () => output.text,
      request,
      signal: (signal) => child?.kill(signal),
      [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
    };
  } catch (error) {
    throw new Error(`${definition.name} did not start: ${errorMessage(error)}\n${output.lastLines()}`, {
      cause: error,
    });
  }
}

/** A URL that is followed by something else: the end of the text may be in the middle of one. */
export function firstUrl(text: string): string | undefined {
  return /https?:\/\/[^\s"'<>?#\u001b]+(?=[\s"'<>?#\u001b])/.exec(text)?.[0];
}

interface EndOptions {
  readonly child: ChildProcess;
  readonly output: OutputTail;
  readonly scratch: ScratchFolder;
  readonly definition: ServerDefinition;
  readonly stopTimeoutMs?: number | undefined;
  readonly leftoverTimeoutMs?: number | undefined;
}

async function endServer(options: EndOptions): Promise<void> {
  const { child } = options;
  const problems: string[] = [];
  if (child.pid === undefined) return;
  if (child.exitCode === null && child.signalCode === null) {
    const timeoutMs = options.stopTimeoutMs ?? 40_000;
    try {
      await withDeadline({ what: 'end after SIGTERM', timeoutMs }, async (scope) => {
        const gone = once(child, 'exit', { signal: scope.signal });
        child.kill('SIGTERM');
        await gone;
      });
    } catch {
      problems.push(`did not end within ${timeoutMs} ms of SIGTERM`);
    }
  }
  // What is on its way out may take a moment; what is still there then was left behind.
  const patience = { what: 'end of the processes', timeoutMs: options.leftoverTimeoutMs ?? 30_000 };
  const leftovers = await until(patience, async () => {
    const found = await processesMarked(options.scratch.path);
    return found.length === 0 ? found : undefined;
  }).catch(() => processesMarked(options.scratch.path));
  for (const { pid, command } of leftovers) {
    if (pid !== child.pid) problems.push(`left a process behind: ${pid} ${command}`);
  }
  await endMarked(options.scratch.path);
  if (problems.length > 0) {
    throw new Error(`${options.definition.name} ${problems.join('; ')}\n${options.output.lastLines()}`);
  }
}

function filler(values: Readonly<Record<string, string | number | undefined>>): (text: string) => string {
  return (text) =>
    text.replaceAll(/\{(port|token|scratch|python|node|root)\}/g, (whole, key: string) => {
      const value = values[key];
      if (value === undefined) throw new Error(`"${whole}" in "${text}" has no value in this run`);
      return String(value);
    });
}

function withSlash(url: string): string {
  return url.endsWith('/') ? url : `${url}/`;
}
