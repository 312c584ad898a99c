import type {
  CallOptions,
  Cancellation,
  ImageOffer,
  KernelExit,
  KernelSpec,
  KernelStats,
  LaunchProgress,
} from '@gateway-provisioners/core';
import type { KernelMessage } from '@gateway-provisioners/wire';

/** What Jupyter clients are shown. */
export type ExecutionState = 'starting' | 'idle' | 'busy' | 'restarting' | 'terminating' | 'dead' | 'unknown';

/** Where the kernel stands in its life; `executionState` is derived from it and from the kernel's own status. */
export type KernelPhase = 'launching' | 'connecting' | 'running' | 'restarting' | 'stopping' | 'ended';

export interface StartKernelOptions extends CallOptions {
  /** Name of the kernelspec, any case; default: the manager's default kernel. */
  readonly name?: string | undefined;
  /** A lower-case UUID; chosen when absent. Errors: `INVALID_KERNEL_ID`, `KERNEL_ID_IN_USE`. */
  readonly kernelId?: string | undefined;
  /** Variables for the kernel: `KERNEL_*` and what the manager's settings allow. Over the kernelspec's own. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Absolute path; a missing folder is an error. */
  readonly cwd?: string | undefined;
  /** Authenticated user; default `anonymous`. */
  readonly owner?: string | undefined;
  /** Milliseconds for launch and handshake together; default from the manager's settings. */
  readonly launchTimeoutMs?: number | undefined;
  /** Resolve when the kernel has been created (`launched`), or when it answers (`ready`, default). */
  readonly until?: 'launched' | 'ready' | undefined;
  readonly progress?: ((progress: LaunchProgress) => void) | undefined;
}

export interface KernelImagesOptions extends CallOptions {
  /** Name of the kernelspec, any case; default: the manager's default kernel. */
  readonly name?: string | undefined;
  /** Whose kernel it would be; default `anonymous`. */
  readonly owner?: string | undefined;
}

/** The Jupyter REST model of a kernel. */
export interface KernelModel {
  readonly id: string;
  readonly name: string;
  /** UTC, ISO 8601 with six fractional digits and `Z`: clients parse it strictly. */
  readonly last_activity: string;
  readonly execution_state: ExecutionState;
  readonly connections: number;
  /** Why the kernel is dead, when it is. */
  readonly reason?: string;
}

export interface KernelEvents {
  /** A kernel was added, or its state, reason or number of connections changed. Activity alone is not told. */
  readonly changed: Kernel;
  /** The kernel is gone from the manager; its exit is set if it ended by itself. */
  readonly removed: Kernel;
}

export interface Kernel extends AsyncDisposable {
  readonly id: string;
  readonly name: string;
  readonly owner: string;
  readonly kernelSpec: KernelSpec;
  readonly phase: KernelPhase;
  readonly executionState: ExecutionState;
  /** Milliseconds since the epoch. */
  readonly lastActivity: number;
  /** Clients connected now. */
  readonly connections: number;
  /** 1, one more at each restart. */
  readonly incarnation: number;
  /** How the last incarnation ended by itself, if it did. */
  readonly exit: KernelExit | undefined;
  readonly progress: LaunchProgress;
  /** Content of the kernel's last `kernel_info_reply`; undefined until it answered. */
  readonly info: Readonly<Record<string, unknown>> | undefined;
  model(): KernelModel;
  /** Settles when the present incarnation answers, or rejects with why it never will. */
  ready(options?: CallOptions): Promise<void>;
  interrupt(options?: CallOptions): Promise<void>;
  /**
   * Same id; clients stay connected and are sent the status `starting` (`restarting` is what they are sent for a kernel
   * that died); the model shows `restarting`. Settles when the new incarnation answers; calls during a start or restart
   * join it, and an aborted signal only ends the waiting. When it fails the kernel is dead, and says why.
   */
  restart(options?: CallOptions): Promise<void>;
  /** Graceful unless `now`; removes the kernel from the manager. Idempotent. */
  shutdown(options?: CallOptions & { readonly now?: boolean | undefined }): Promise<void>;
  /** Joins the conversation. What is sent before the kernel is ready is held, in order, and delivered then. */
  connect(options: ConnectOptions): KernelClient;
  /** Runs code and yields what it sends, in order, `execute_reply` last. Leaving the loop early does not stop it. */
  execute(code: string, options?: ExecuteOptions): Execution;
  /** Tail of what the kernel wrote to stdout and stderr. */
  logs(options?: CallOptions & { readonly maxBytes?: number | undefined }): Promise<string>;
  /**
   * Memory, processor time and threads, where its backend can tell: containers of a Docker Engine. Undefined
   * elsewhere, and while it does not run. Errors: those of the backend that cannot be asked now.
   */
  stats(options?: CallOptions): Promise<KernelStats | undefined>;
  /** `await using`: shuts the kernel down. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Where a client's messages go: a WebSocket, an iterator. */
export interface MessageSink {
  /**
   * Takes messages, in order. False means: enough for now, keep the rest until {@link KernelClient.resume}.
   * Must not throw.
   */
  write(batch: readonly KernelMessage[]): boolean;
  /**
   * No more will come: the kernel was shut down; another connection took over the session id; more than the bound was
   * waiting of what may not be dropped (replies, status, input requests); or the manager was closed.
   */
  end?(reason: 'kernel-ended' | 'replaced' | 'overflow' | 'closed'): void;
}

export interface ConnectOptions {
  /** The client's own id over reconnects; what it missed since it left is replayed. Absent: no replay. */
  readonly sessionId?: string | undefined;
  readonly sink: MessageSink;
  /** Bound of what waits for a slow sink, in bytes; default from the manager's settings. */
  readonly maxQueuedBytes?: number | undefined;
}

export interface CloseClientOptions {
  /** What the sink took and could not deliver, oldest first: replayed when the session id comes back. */
  readonly undelivered?: readonly KernelMessage[] | undefined;
}

export interface KernelClient {
  readonly kernel: Kernel;
  /** Queues a message to the kernel. Throws `LIMIT_EXCEEDED` when too much is waiting. */
  send(message: KernelMessage): void;
  /** The sink can take more. */
  resume(): void;
  /** Bytes that wait for the sink. */
  readonly queuedBytes: number;
  /** Messages and bytes that this client has missed, by overflow. */
  readonly dropped: { readonly messages: number; readonly bytes: number };
  /** Leaves; what arrives from now on is kept for the session id, within the journal's bounds. */
  close(options?: CloseClientOptions): void;
}

export interface ExecuteOptions extends CallOptions {
  readonly silent?: boolean | undefined;
  readonly storeHistory?: boolean | undefined;
  readonly stopOnError?: boolean | undefined;
  readonly userExpressions?: Readonly<Record<string, string>> | undefined;
  /** Answers `input()`; without it the kernel is told that there is no stdin. */
  readonly onInput?: ((prompt: string, password: boolean) => Promise<string> | string) | undefined;
  /** Milliseconds; on expiry the kernel is interrupted and the loop fails with `DEADLINE_EXCEEDED`. */
  readonly timeoutMs?: number | undefined;
}

export interface Execution extends AsyncIterable<KernelMessage> {
  /** Content of the `execute_reply`, whatever its status; rejects when the kernel dies first. */
  readonly reply: Promise<Readonly<Record<string, unknown>>>;
}

export interface KernelManager extends AsyncDisposable {
  readonly instanceId: string;
  /** Errors: `KERNELSPEC_NOT_FOUND`, `LIMIT_EXCEEDED`, `LAUNCH_FAILED`, `LAUNCH_TIMEOUT`, `INVALID_ENV`, … */
  start(options?: StartKernelOptions): Promise<Kernel>;
  get(kernelId: string): Kernel | undefined;
  /**
   * The images that a start of this kernelspec may have for this owner, who names one of them in `KERNEL_IMAGE` of `env`.
   * Empty where its backend has none, and when the owner may have none.
   * Errors: `KERNELSPEC_NOT_FOUND`, `FORBIDDEN` for who may not start it, `INVALID_CONFIG`, …
   */
  images(options?: KernelImagesOptions): Promise<readonly ImageOffer[]>;
  /** All kernels, in order of their start. */
  list(): readonly Kernel[];
  /** Attaches to the kernels that the store knows and reaps what nobody claims. Called once at start. */
  recover(options?: CallOptions): Promise<RecoveryReport>;
  subscribe<E extends keyof KernelEvents>(event: E, listener: (value: KernelEvents[E]) => void): Cancellation;
  /** Ends this manager. `keep` leaves kernels running to be attached to later; `end` shuts them down. */
  close(options: CallOptions & { readonly kernels: 'keep' | 'end' }): Promise<void>;
  /** `await using`: `close({ kernels: 'end' })`. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface RecoveryReport {
  readonly attached: readonly string[];
  /** Kernels in the store that do not exist any more. */
  readonly lost: readonly string[];
  /** Resources without a record that were removed. */
  readonly reaped: readonly string[];
  /** Parts of backends that did not answer. */
  readonly unreachable: readonly string[];
}
