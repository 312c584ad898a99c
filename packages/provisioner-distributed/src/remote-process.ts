import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { once } from 'node:events';
import { constants } from 'node:os';
import { pipeline } from 'node:stream/promises';
import { ProvisionerError, errorMessage, isProvisionerError, withDeadline } from '@gateway-provisioners/core';
import type {
  CallOptions,
  Clock,
  JsonObject,
  KernelEndpoint,
  KernelExit,
  LaunchedKernel,
  Liveness,
  Logger,
} from '@gateway-provisioners/core';
import type { LauncherFacts, RemoteResource } from '@gateway-provisioners/core/remote';
import { GracePeriod } from './hosts/grace-period.ts';
import { heartbeatAnswers } from './hosts/heartbeat.ts';
import type { KernelHost, ResponseWay } from './hosts/kernel-host.ts';
import { parseKernelReport } from './hosts/kernel-report.ts';
import type { KernelReport } from './hosts/kernel-report.ts';
import type { KernelWatch } from './hosts/kernel-watch.ts';
import { hostState, removeKernel } from './kernel-start.ts';
import type { KernelPlaces } from './kernel-start.ts';
import { inspectProgram, signalProgram } from './shell/kernel-programs.ts';
import type { KernelPlace } from './shell/kernel-programs.ts';
import { runProgram } from './shell/run-program.ts';
import type { ShellHost } from './shell/run-program.ts';

export interface RemoteProcessOptions {
  readonly host: KernelHost;
  readonly places: KernelPlaces;
  readonly watch: KernelWatch;
  /** For how long the host may be silent; 0: for ever. */
  readonly graceMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How its launcher calls home; closed when it has. */
  readonly way?: ResponseWay | undefined;
  /** Runs once, when the kernel was removed or let go of. */
  readonly onReleased: () => void;
}

const LOG_TAIL_BYTES = 4 * 1024;
const DEFAULT_LOG_BYTES = 16 * 1024;
const LIVENESS_MS = 15_000;

/** Asks a host about a kernel. Errors: those of the connection, `HOST_COMMAND_FAILED`. */
export async function inspectKernel(
  host: ShellHost,
  place: KernelPlace,
  options: CallOptions & { readonly maxLogBytes?: number },
): Promise<KernelReport> {
  const { maxLogBytes = LOG_TAIL_BYTES, signal } = options;
  const output = await runProgram(host, inspectProgram(place, maxLogBytes), { signal });
  return parseKernelReport(output, maxLogBytes);
}

/** The processes of one kernel on one host. */
export class RemoteProcess implements RemoteResource {
  readonly ended: Promise<KernelExit>;
  readonly host: KernelHost;
  readonly #options: RemoteProcessOptions;
  readonly #listening: Disposable;
  readonly #grace: GracePeriod;
  readonly #forwards = new Map<number, Promise<Server>>();
  #settle: (exit: KernelExit) => void = () => undefined;
  #hasEnded = false;
  #isRemoved = false;
  #isReleased = false;
  /** Its host was silent for so long that it was given up. */
  #isLost = false;
  /** As soon as the host is back. */
  #isToBeRemoved = false;
  #isChecking = false;
  /** Told again while it was being asked about: what the host answers then may be older. */
  #isToldAgain = false;
  #heartbeatPort: number | undefined;
  #askKernel: () => Promise<Liveness> = async () => await this.liveness({});

  constructor(options: RemoteProcessOptions) {
    this.#options = options;
    this.host = options.host;
    this.ended = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#listening = options.watch.listen(options.places.record.name, () => {
      void this.#check();
    });
    this.#grace = new GracePeriod({
      graceMs: options.graceMs,
      clock: options.clock,
      heardAt: () => options.watch.heardAt,
      signOfLife: async () => (await this.#askKernel().catch(() => 'unreachable')) !== 'unreachable',
      onLost: (silentMs) => {
        this.#isLost = true;
        this.#end({ reason: 'gone', logTail: '', detail: lostText(this.host, silentMs) });
      },
    });
  }

  get state(): JsonObject {
    return hostState(this.host);
  }

  /** Nobody needs the way for its answer any more. Without a tunnel, its heartbeat is a sign of life from now on. */
  async launcherAnswered({ connection }: LauncherFacts): Promise<void> {
    if (!this.host.isTunnelled) this.#heartbeatPort = connection.hb_port;
    await this.#closeWay();
  }

  /** Who can ask the launcher too, before the kernel is given up. */
  belongsTo(kernel: LaunchedKernel): void {
    this.#askKernel = async () => await kernel.liveness();
  }

  async liveness({ signal }: CallOptions): Promise<Liveness> {
    if (this.#hasEnded || this.#isRemoved) return 'dead';
    const { clock, places } = this.#options;
    try {
      const what = 'the host of the kernel';
      const report = await withDeadline(
        { what, timeoutMs: LIVENESS_MS, signal, clock },
        async (scope) => await inspectKernel(this.host, places.kernel, { signal: scope.signal }),
      );
      if (report.is === 'alive') return 'alive';
      this.#end(exitOf(report));
      return 'dead';
    } catch (error) {
      if (isProvisionerError(error, 'CANCELLED')) throw error;
      return (await this.#heartbeat(signal)) ? 'alive' : 'unreachable';
    }
  }

  async signal(signum: number, options: CallOptions): Promise<void> {
    if (this.#hasEnded || this.#isRemoved) return;
    await runProgram(this.host, signalProgram(this.#options.places.kernel, signum), options);
  }

  async remove(options: CallOptions): Promise<void> {
    if (this.#isRemoved) return;
    const { places } = this.#options;
    const report = this.#hasEnded
      ? undefined
      : await inspectKernel(this.host, places.kernel, options).catch(() => undefined);
    try {
      await removeKernel(this.host, places, options);
    } catch (error) {
      // What is lost must not keep its kernel from being started elsewhere.
      if (!this.#isLost || options.signal?.aborted === true) throw error;
      this.#isToBeRemoved = true;
    }
    this.#isRemoved = true;
    this.#end(
      report === undefined || report.is === 'alive' ? { reason: 'killed', logTail: report?.log ?? '' } : exitOf(report),
    );
    await this[Symbol.asyncDispose]();
  }

  async logs(options: CallOptions & { readonly maxBytes?: number }): Promise<string> {
    if (this.#isRemoved) return '';
    const { maxBytes = DEFAULT_LOG_BYTES, signal } = options;
    return (await inspectKernel(this.host, this.#options.places.kernel, { signal, maxLogBytes: maxBytes })).log;
  }

  /** Through the tunnel, a port of this machine's loopback that leads there. */
  async endpoint(port: number): Promise<KernelEndpoint | undefined> {
    if (this.#isRemoved || this.#isReleased) return undefined;
    if (!this.host.isTunnelled) return { host: this.host.address, port };
    const known = this.#forwards.get(port) ?? this.#openForward(port);
    this.#forwards.set(port, known);
    const address = (await known).address();
    if (address === null || typeof address === 'string')
      throw new ProvisionerError('INTERNAL', 'a server without a port');
    return { host: '127.0.0.1', port: address.port };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    if (!this.#isToBeRemoved) this.#listening[Symbol.dispose]();
    this.#grace[Symbol.dispose]();
    for (const server of this.#forwards.values()) (await server).close();
    await this.#closeWay();
    this.#options.onReleased();
  }

  async #closeWay(): Promise<void> {
    // A connection that is gone took it along.
    await this.#options.way?.[Symbol.asyncDispose]().catch(() => undefined);
  }

  /** Behind a firewall that has closed the SSH port, the kernel itself may still answer. */
  async #heartbeat(signal: AbortSignal | undefined): Promise<boolean> {
    if (this.#heartbeatPort === undefined) return false;
    const { clock } = this.#options;
    return await heartbeatAnswers({ host: this.host.address, port: this.#heartbeatPort }, { signal, clock });
  }

  async #openForward(port: number): Promise<Server> {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      this.host
        .dial({ host: '127.0.0.1', port }, {})
        .then(async (stream) => await Promise.all([pipeline(socket, stream), pipeline(stream, socket)]))
        .catch(() => {
          socket.destroy();
        });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    server.unref();
    return server;
  }

  /** The watch saw an end, or may have missed one. It tells of each end once. */
  async #check(): Promise<void> {
    this.#isToldAgain = true;
    if (this.#isChecking) return;
    this.#isChecking = true;
    try {
      while (this.#isToldAgain && this.#isToBeAskedAbout) {
        this.#isToldAgain = false;
        await this.#checkOnce();
      }
    } finally {
      this.#isChecking = false;
    }
  }

  get #isToBeAskedAbout(): boolean {
    return this.#isToBeRemoved || !(this.#hasEnded || this.#isReleased);
  }

  async #checkOnce(): Promise<void> {
    try {
      if (this.#isToBeRemoved) {
        await removeKernel(this.host, this.#options.places, {});
        this.#isToBeRemoved = false;
        this.#listening[Symbol.dispose]();
        return;
      }
      const report = await inspectKernel(this.host, this.#options.places.kernel, {});
      // The folder goes with what we end ourselves; `remove` tells how.
      if (report.is !== 'alive') this.#end(exitOf(report));
    } catch (error) {
      this.#options.logger.debug('a host could not be asked about a kernel', {
        host: this.host.name,
        error: errorMessage(error),
      });
    }
  }

  #end(exit: KernelExit): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#grace[Symbol.dispose]();
    this.#settle(exit);
  }
}

function lostText({ name }: KernelHost, silentMs: number): string {
  const silent = `neither ${name} nor the kernel has given a sign of life for ${String(Math.round(silentMs / 1000))} s`;
  return `lost: ${silent} (unreachable_grace_ms)`;
}

const FIRST_SIGNAL_STATUS = 129;

/** A shell gives 128 and the signal's number for a program that a signal ended. */
function exitOf(report: KernelReport): KernelExit {
  if (report.is !== 'exited') {
    const detail = 'its processes are not on the host any more: they were ended by force, or the host was started anew';
    return { reason: 'gone', logTail: report.log, detail };
  }
  const { status, log: logTail } = report;
  const number = status - FIRST_SIGNAL_STATUS + 1;
  const [signal] = Object.entries(constants.signals).find(([, value]) => value === number) ?? [];
  if (status >= FIRST_SIGNAL_STATUS && signal !== undefined) return { reason: 'signalled', signal, logTail };
  return { reason: 'exited', exitCode: status, logTail };
}
