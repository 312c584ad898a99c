import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ResourceStack, observed, systemClock, withDeadline } from '@gateway-provisioners/core';
import type { ConnectionInfo, ExpectOptions, LauncherAnswer, LauncherParameters } from '@gateway-provisioners/core';
import { createResponseListener } from '@gateway-provisioners/launcher-protocol';
import type { ResponseListener, ResponseListenerOptions } from '@gateway-provisioners/launcher-protocol';
import { TestKernelClient } from '@gateway-provisioners/testkit';
import type { TestReply } from '@gateway-provisioners/testkit';
import { OutputTail } from '../support/output-tail.ts';
import { processesMarked } from '../support/process-census.ts';
import type { CensusEntry } from '../support/process-census.ts';
import { createScratchFolder } from '../support/scratch-folder.ts';
import type { ScratchFolder } from '../support/scratch-folder.ts';
import { until } from '../support/until.ts';

/** Milliseconds that a kernel may take on a machine that is busy with other things. */
const LAUNCH_MS = 120_000;

export interface LaunchOptions {
  /** The launcher's command line, from the parameters that may stand in one. */
  readonly argv: (parameters: LauncherParameters['public']) => readonly [string, ...string[]];
  /** Default 2. */
  readonly protocol?: 1 | 2;
  /** How version 2's secret travels; `file` is a 0600 file of which the variable holds the path. Default `env`. */
  readonly secretAs?: 'env' | 'file';
  /** Interpreter whose folder comes first on PATH. */
  readonly python?: string;
  /** On top of an environment in which HOME, TMPDIR and Jupyter's folders are the bench's own. */
  readonly env?: Readonly<Record<string, string>>;
  readonly expect?: Partial<ExpectOptions>;
  /** What the launcher is told through its environment, as in a container. */
  readonly variables?: (parameters: LauncherParameters['public']) => Readonly<Record<string, string>>;
  /** Replaces the response address: to try one where nobody is. */
  readonly responseAddress?: string;
}

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Our response listener, and launchers that call it with real kernels. Disposal ends all that was started. */
export class LauncherBench implements AsyncDisposable {
  readonly listener: ResponseListener;
  readonly scratch: ScratchFolder;
  readonly #stack: ResourceStack;

  private constructor(listener: ResponseListener, scratch: ScratchFolder, stack: ResourceStack) {
    this.listener = listener;
    this.scratch = scratch;
    this.#stack = stack;
  }

  static async start(options: ResponseListenerOptions = {}): Promise<LauncherBench> {
    await using stack = new ResourceStack();
    const scratch = stack.use(await createScratchFolder());
    const listener = stack.use(await createResponseListener({ address: '127.0.0.1', port: 0, ...options }));
    return new LauncherBench(listener, scratch, stack.move());
  }

  /** Starts a launcher, in a process group of its own, and returns without waiting for its answer. */
  async launch(options: LaunchOptions): Promise<LaunchUnderTest> {
    const kernelId = randomUUID();
    const protocol = options.protocol ?? 2;
    const expected = this.#stack.use(
      await this.listener.expect(kernelId, { deadline: systemClock.now() + LAUNCH_MS, protocol, ...options.expect }),
    );
    // Handled by whoever awaits it; a test of a launcher that must fail does not.
    expected.answer.catch(() => undefined);
    const { secret } = expected.parameters;
    const { responseAddress = expected.parameters.public.responseAddress } = options;
    const parameters = { ...expected.parameters.public, responseAddress };
    const [program, ...args] = options.argv(parameters);
    const variables = options.variables?.(parameters);
    const marker = `gp-launch-${kernelId}`;
    const launcherV2 = protocol === 1 ? {} : { GP_LAUNCHER_V2: await this.#deliver(secret.launcherV2, options) };
    const env = await this.scratch.environment({
      python: options.python,
      extra: { GP_TEST_LAUNCH: marker, PYTHONDONTWRITEBYTECODE: '1', ...launcherV2, ...variables, ...options.env },
    });
    const cwd = await this.scratch.folder('work');
    const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const launched = new LaunchUnderTest({ kernelId, child, marker, expected: expected.answer, scratch: this.scratch });
    this.#stack.use(launched);
    return launched;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }

  async #deliver(value: string, { secretAs = 'env' }: LaunchOptions): Promise<string> {
    if (secretAs === 'env') return value;
    const path = join(await this.scratch.folder('secrets'), randomUUID());
    await writeFile(path, value, { mode: 0o600 });
    return path;
  }
}

interface LaunchParts {
  readonly kernelId: string;
  readonly child: ChildProcess;
  readonly marker: string;
  readonly expected: Promise<LauncherAnswer>;
  readonly scratch: ScratchFolder;
}

/** One launcher with its kernel. */
export class LaunchUnderTest implements AsyncDisposable {
  readonly kernelId: string;
  readonly child: ChildProcess;
  /** What launcher and kernel wrote where the launcher was told to. */
  readonly stdout = new OutputTail();
  readonly stderr = new OutputTail();
  /** Settles when the launcher's process has ended and its output is read. */
  readonly ended: Promise<ProcessEnd>;
  readonly #parts: LaunchParts;
  readonly #clients = new ResourceStack();
  #busy = 0;

  constructor(parts: LaunchParts) {
    this.#parts = parts;
    this.kernelId = parts.kernelId;
    this.child = parts.child;
    this.stdout.follow(parts.child.stdout);
    this.stderr.follow(parts.child.stderr);
    this.ended = new Promise((resolve, reject) => {
      parts.child.on('error', reject);
      parts.child.on('close', (code, signal) => {
        resolve({ code, signal });
      });
    });
    this.ended.catch(() => undefined);
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error('the launcher was not started');
    return this.child.pid;
  }

  /** The launcher's answer. Errors: the launcher ended without one (with its output). */
  async answer(): Promise<LauncherAnswer> {
    const ended = this.ended.then(({ code, signal }) => {
      const output = `${this.stdout.lastLines()}\n${this.stderr.lastLines()}`;
      throw new Error(`the launcher ended with ${String(code ?? signal)} before it answered:\n${output}`);
    });
    ended.catch(() => undefined);
    return await Promise.race([this.#parts.expected, ended]);
  }

  /** A client of the kernel, once the kernel answers. */
  async connect(answer?: LauncherAnswer): Promise<TestKernelClient> {
    const { connection } = answer ?? (await this.answer());
    const info: ConnectionInfo = { ...connection, ip: '127.0.0.1' };
    const client = await TestKernelClient.open({ connection: observed({ info }), timeoutMs: LAUNCH_MS });
    return this.#clients.use(client);
  }

  /**
   * Executes code that does not end by itself; resolves when it runs. `code` gets the path of a file that it must create
   * first, in its own language.
   */
  async executeEndless(
    client: TestKernelClient,
    code: (file: string) => string,
  ): Promise<{ readonly reply: Promise<TestReply> }> {
    const file = join(await this.#parts.scratch.folder('busy'), `${this.kernelId}-${String(this.#busy)}`);
    this.#busy += 1;
    const reply = client.execute(code(file), { timeoutMs: LAUNCH_MS });
    reply.catch(() => undefined);
    await until({ what: 'the cell to run', timeoutMs: LAUNCH_MS }, () => existsSync(file));
    return { reply };
  }

  /** Waits for the launcher's end. Errors: `DEADLINE_EXCEEDED`. */
  async end(timeoutMs = 60_000): Promise<ProcessEnd> {
    return await withDeadline({ what: 'the end of the launcher', timeoutMs }, () => this.ended);
  }

  /** Processes that the launcher started and that run, itself included. */
  async processes(): Promise<readonly CensusEntry[]> {
    return await processesMarked(this.#parts.marker);
  }

  /** Waits until no process of this launch is left. Errors: `DEADLINE_EXCEEDED`, which names them. */
  async nothingLeft(timeoutMs = 30_000): Promise<void> {
    try {
      await until({ what: 'the end of all processes', timeoutMs }, async () => (await this.processes()).length === 0);
    } catch (error) {
      throw new Error(`still running: ${JSON.stringify(await this.processes())}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#clients[Symbol.asyncDispose]();
    for (const { pid } of await this.processes()) kill(pid, 'SIGKILL');
    await this.nothingLeft();
  }
}

/** Sends a signal; a process that has ended is no error. */
export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
