import { withDeadline } from '../deadline.ts';
import { isProvisionerError } from '../errors.ts';
import type { KernelExit } from '../errors.ts';
import type { Clock } from '../clock.ts';
import type { KernelConnection } from '../connection-info.ts';
import type { Logger } from '../logger.ts';
import type { Observed } from '../observed.ts';
import type {
  CallOptions,
  KernelEndpoint,
  KernelStats,
  LaunchedKernel,
  Liveness,
  ProvisionerState,
} from '../provisioner.ts';
import type { CommChannel, CommStatus } from '../rendezvous.ts';
import type { RemoteResource } from './remote-resource.ts';
import { formatRemoteState } from './remote-state.ts';
import type { RemoteState } from './remote-state.ts';

const SIGKILL = 9;
const SIGTERM = 15;
/** Asking a launcher that is gone must not hold up what the backend knows already. */
const COMM_MS = 3_000;

export interface RemoteKernelParts {
  /** Without its resource's part, which the resource itself knows best. */
  readonly state: RemoteState;
  readonly resource: RemoteResource;
  readonly connection: Observed<KernelConnection>;
  readonly comm: CommChannel | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Runs once, when the kernel was removed or let go of. */
  readonly onReleased?: (() => void) | undefined;
}

/**
 * A kernel that a launcher started somewhere else. Requests go to the launcher's listener first, which is beside the
 * kernel and knows it; where nobody answers there, to the backend.
 */
export class RemoteKernel implements LaunchedKernel {
  readonly connection: Observed<KernelConnection>;
  readonly exited: Promise<KernelExit>;
  readonly #parts: RemoteKernelParts;
  readonly #lease: Disposable | undefined;
  #settle: (exit: KernelExit) => void = () => undefined;
  #isDead = false;
  /** We asked for the end, so it is no accident. */
  #endRequested = false;
  #removal: Promise<void> | undefined;
  #isReleased = false;

  constructor(parts: RemoteKernelParts) {
    this.#parts = parts;
    this.connection = parts.connection;
    this.exited = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#lease = parts.comm?.holdLease({
      onProblem: (error) => {
        parts.logger.warn('the lease of a kernel could not be renewed', {
          kernelId: parts.state.kernelId,
          error: error.message,
        });
      },
    });
    void parts.resource.ended.then(async (exit) => {
      this.#end(await this.#completed(exit));
    });
  }

  get state(): ProvisionerState {
    return formatRemoteState({ ...this.#parts.state, resource: this.#parts.resource.state });
  }

  async liveness(options: CallOptions = {}): Promise<Liveness> {
    if (this.#isDead) return 'dead';
    const status = await this.#askStatus(options);
    if (status === 'alive') return 'alive';
    if (status !== undefined && !status.alive) {
      // The kernel has ended and its launcher lives on to tell how: the backend will not say so for a while.
      this.#end(status.exit ?? { reason: 'gone', logTail: status.logTail });
      return 'dead';
    }
    return await this.#parts.resource.liveness(options);
  }

  async interrupt(options: CallOptions = {}): Promise<void> {
    await this.signal(this.#parts.state.interruptSignal, options);
  }

  async signal(signum: number, options: CallOptions = {}): Promise<void> {
    if (signum === SIGKILL || signum === SIGTERM) this.#endRequested = true;
    if (this.#isDead) return;
    const { comm, resource } = this.#parts;
    if (comm !== undefined && (await unlessUnreachable(comm.signal(signum, options))) === true) return;
    await resource.signal(signum, options);
  }

  /** By the backend: launchers of version 1 for the JVM take SIGTERM as an interrupt. */
  async terminate(options: CallOptions = {}): Promise<void> {
    this.#endRequested = true;
    if (this.#isDead) return;
    await this.#parts.resource.signal(SIGTERM, options);
  }

  async kill(options: CallOptions = {}): Promise<void> {
    this.#endRequested = true;
    this.#removal ??= this.#remove(options);
    try {
      await this.#removal;
    } catch (error) {
      this.#removal = undefined; // a later attempt may succeed
      throw error;
    }
    this.#end({ reason: 'killed', logTail: '' });
    await this[Symbol.asyncDispose]();
  }

  async logs(options: CallOptions & { readonly maxBytes?: number } = {}): Promise<string> {
    return await this.#parts.resource.logs(options);
  }

  async endpoint(port: number, options: CallOptions = {}): Promise<KernelEndpoint | undefined> {
    return await this.#parts.resource.endpoint?.(port, options);
  }

  async stats(options: CallOptions = {}): Promise<KernelStats | undefined> {
    return this.#isDead ? undefined : await this.#parts.resource.stats?.(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#lease?.[Symbol.dispose]();
    this.#parts.onReleased?.();
    await this.#parts.resource[Symbol.asyncDispose]();
  }

  async #remove(options: CallOptions): Promise<void> {
    const { comm, resource } = this.#parts;
    try {
      await resource.remove(options);
    } catch (error) {
      // The backend cannot be asked now. The launcher, if it can, ends the kernel and itself; what is left is removed
      // when the backend is back.
      await unlessUnreachable(this.#withinBound(options, async (signal) => await comm?.shutdown({ signal })));
      throw error;
    }
  }

  #end(exit: KernelExit): void {
    if (this.#isDead) return;
    this.#isDead = true;
    this.#lease?.[Symbol.dispose]();
    const wasAsked = this.#endRequested && exit.reason !== 'exited' && exit.reason !== 'oom';
    this.#settle(wasAsked ? { ...exit, reason: 'killed' } : exit);
  }

  /** The backend saw its resource end; the launcher may still be there to say more. */
  async #completed(exit: KernelExit): Promise<KernelExit> {
    if (exit.reason !== 'gone' && exit.logTail !== '') return exit;
    const status = await this.#askStatus({});
    if (status === undefined || status === 'alive' || status.exit === undefined) return exit;
    const logTail = exit.logTail === '' ? status.logTail : exit.logTail;
    return exit.reason === 'gone' ? { ...status.exit, logTail } : { ...exit, logTail };
  }

  /** Undefined when the launcher's listener cannot tell. */
  async #askStatus(options: CallOptions): Promise<CommStatus | 'alive' | undefined> {
    const { comm } = this.#parts;
    if (comm === undefined) return undefined;
    const answer = await unlessUnreachable(
      this.#withinBound(options, async (signal) => (await comm.status({ signal })) ?? (await comm.isAlive({ signal }))),
    );
    if (answer === undefined || answer === false) return undefined;
    return answer === true || answer.alive ? 'alive' : answer;
  }

  async #withinBound<T>({ signal }: CallOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock } = this.#parts;
    const what = "the launcher's listener";
    return await withDeadline({ what, timeoutMs: COMM_MS, signal, clock }, async (scope) => await work(scope.signal));
  }
}

/** Undefined where nothing can be learnt from the listener; a caller's abort goes on. */
async function unlessUnreachable<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isProvisionerError(error, 'CANCELLED')) throw error;
    return undefined;
  }
}
