import type { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeVersion1, parsePublicKey } from './answer-v1.ts';
import { encodeVersion2 } from './answer-v2.ts';
import { KEY_BYTES } from './box.ts';
import { CommServer } from './comm-server.ts';
import { createConnectionInfo, writeConnectionFile } from './connection-info.ts';
import { deliverVersion1, deliverVersion2 } from './deliver-answer.ts';
import type { DeliveryOptions } from './deliver-answer.ts';
import { Guard } from './guard.ts';
import { KernelProcess } from './kernel-process.ts';
import type { KernelExit } from './kernel-process.ts';
import { LauncherError } from './launcher-error.ts';
import { readLauncherV2 } from './launcher-v2.ts';
import type { LauncherV2 } from './launcher-v2.ts';
import { Lease } from './lease.ts';
import { parseOptions } from './options.ts';
import type { Environment, LauncherOptions } from './options.ts';
import { OutputRelay } from './output-relay.ts';
import { reservePorts } from './reserve-ports.ts';

const FLUSH_MS = 2000;
const RETRY_SECONDS = 120;
const LINGER_SECONDS = 30;

export interface LauncherContext {
  readonly argv: readonly string[];
  readonly env: Environment;
  /** Aborts when the launcher is told to end; the reason is a text. */
  readonly stop: AbortSignal;
  /** Called with what interrupts the kernel, as soon as there is one. */
  readonly onInterruptible: (interrupt: () => void) => void;
}

/** Starts the kernel, answers, serves. Resolves with the exit code. Errors: {@link LauncherError}. */
export async function runLauncher(context: LauncherContext): Promise<number> {
  const options = parseOptions(context.argv, context.env);
  const timeoutMs = seconds(context.env, 'GP_LAUNCHER_RETRY_SECONDS', RETRY_SECONDS) * 1000;
  const lingerMs = seconds(context.env, 'GP_LAUNCHER_LINGER_SECONDS', LINGER_SECONDS) * 1000;
  const v2 = await readLauncherV2(context.env['GP_LAUNCHER_V2'], options.kernelId);
  if (options.responseAddress === undefined && v2?.http === undefined) {
    throw new LauncherError("--response-address is missing: the gateway's host:port for answers");
  }
  if (v2 === undefined && options.publicKey === undefined) {
    throw new LauncherError("--public-key is missing: the gateway's key for answers");
  }
  const publicKey = options.publicKey === undefined ? undefined : parsePublicKey(options.publicKey);
  const ports = await reservePorts(5, options.portRange);
  const info = createConnectionInfo(ports.kernelPorts);
  const file = await writeConnectionFile(options.kernelId, info);
  const env = kernelEnvironment(context.env);
  const guard = new Guard(file.folder, env);
  const outputs = { stdout: new OutputRelay(1), stderr: new OutputRelay(2) };
  let comm: CommServer | undefined;
  try {
    await ports.release();
    const command = fillIn(options, file.path);
    const kernel = await KernelProcess.start({ command, env, ...outputs });
    guard.watch(kernel.pid);
    const commKey = v2 === undefined ? undefined : randomBytes(KEY_BYTES);
    const serving = new Serving({ options, kernel, v2, lingerMs });
    comm = serving.listen(ports.commServer, commKey);
    context.onInterruptible(() => {
      if (options.interruptMode === 'signal') kernel.signal(2);
    });
    const whole = {
      ...info,
      pid: kernel.pid,
      pgid: kernel.pid,
      comm_port: ports.commPort,
      kernel_id: options.kernelId,
    };
    const deliver = async (signal: AbortSignal): Promise<void> => {
      const delivery: DeliveryOptions = { address: options.responseAddress, timeoutMs, signal };
      if (v2 !== undefined && commKey !== undefined) {
        await deliverVersion2(encodeVersion2(whole, v2, commKey), v2.http, delivery);
      } else if (publicKey !== undefined) await deliverVersion1(encodeVersion1(whole, publicKey), delivery);
    };
    const exit = await serving.run(deliver, context.stop);
    return exitCode(exit);
  } finally {
    ports.commServer.close();
    comm?.close();
    await rm(file.folder, { recursive: true, force: true });
    guard.dismiss();
    await Promise.all([outputs.stdout.flush(FLUSH_MS), outputs.stderr.flush(FLUSH_MS)]);
  }
}

/** From the kernel's start to its end, and as long after it as the gateway may ask how it ended. */
class Serving {
  readonly #options: LauncherOptions;
  readonly #kernel: KernelProcess;
  readonly #v2: LauncherV2 | undefined;
  readonly #lingerMs: number;
  /** Nobody will ask how the kernel ended. */
  readonly #dismissed = new AbortController();
  #lease: Lease | undefined;

  constructor(parts: {
    readonly options: LauncherOptions;
    readonly kernel: KernelProcess;
    readonly v2: LauncherV2 | undefined;
    readonly lingerMs: number;
  }) {
    this.#options = parts.options;
    this.#kernel = parts.kernel;
    this.#v2 = parts.v2;
    this.#lingerMs = parts.lingerMs;
  }

  listen(server: ConstructorParameters<typeof CommServer>[0]['server'], commKey: Buffer | undefined): CommServer {
    const kernel = this.#kernel;
    return new CommServer({
      server,
      kernelId: this.#options.kernelId,
      commKey,
      onShutdown: () => {
        this.#end('shut down by the gateway');
      },
      target: {
        pid: kernel.pid,
        interruptMode: this.#options.interruptMode,
        exit: () => kernel.exit,
        logTail: (maxBytes) => kernel.log.read(maxBytes),
        signal: (signum) => kernel.signal(signum),
        renewLease: () => {
          this.#lease?.renew();
          return this.#v2?.leaseSeconds;
        },
      },
    });
  }

  async run(deliver: (signal: AbortSignal) => Promise<void>, stop: AbortSignal): Promise<KernelExit> {
    const onStop = (): void => {
      this.#end(String(stop.reason));
    };
    stop.addEventListener('abort', onStop, { once: true });
    if (stop.aborted) onStop();
    try {
      let failure: unknown;
      const delivered = deliver(this.#dismissed.signal).then(
        () => {
          this.#startLease();
          return true;
        },
        (error: unknown) => {
          failure = error;
          return false;
        },
      );
      const isToldFirst = await Promise.race([delivered, this.#kernel.ended.then(() => undefined)]);
      if (isToldFirst === false && !this.#dismissed.signal.aborted) throw failure;
      const exit = await this.#kernel.ended;
      // Version 2's gateway may still learn how the kernel ended, even when that was before it heard of it.
      if (this.#v2 === undefined) this.#dismissed.abort();
      if (await delivered) await this.#linger();
      return exit;
    } finally {
      stop.removeEventListener('abort', onStop);
      this.#lease?.stop();
      await this.#kernel.terminate('the launcher ended');
    }
  }

  #startLease(): void {
    const seconds = this.#v2?.leaseSeconds ?? 0;
    if (seconds === 0) return;
    const onLost = (): void => {
      this.#end(`the lease of ${String(seconds)} s was not renewed`);
    };
    this.#lease = new Lease({ seconds, onLost });
  }

  #end(reason: string): void {
    this.#dismissed.abort();
    void this.#kernel.terminate(reason);
  }

  async #linger(): Promise<void> {
    await sleep(this.#lingerMs, undefined, { signal: this.#dismissed.signal }).catch(() => undefined);
  }
}

function fillIn({ command, kernelId }: LauncherOptions, connectionFile: string): readonly [string, ...string[]] {
  const fill = (word: string): string =>
    word.replaceAll('{connection_file}', () => connectionFile).replaceAll('{kernel_id}', () => kernelId);
  const [program, ...args] = command;
  return [fill(program), ...args.map(fill)];
}

/** Secrets of the launch end here, and a parent of another machine means nothing to the kernel. */
function kernelEnvironment(env: Environment): NodeJS.ProcessEnv {
  const own: NodeJS.ProcessEnv = { ...env };
  delete own['GP_LAUNCHER_V2'];
  delete own['JPY_PARENT_PID'];
  return own;
}

function seconds(env: Environment, name: string, otherwise: number): number {
  const text = env[name] ?? '';
  if (text === '') return otherwise;
  if (/^\d{1,6}(\.\d{1,3})?$/.test(text)) return Number(text);
  throw new LauncherError(`${name} is '${text}'; it must be a number of seconds`);
}

const SIGNUMS: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGPIPE: 13,
  SIGTERM: 15,
};

/** The kernel's own, or 128 and the signal's number, as shells have it. */
function exitCode(exit: KernelExit): number {
  return exit.exit_code ?? 128 + (SIGNUMS[exit.signal ?? ''] ?? 0);
}
