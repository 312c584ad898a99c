import { randomUUID } from 'node:crypto';
import { ProvisionerError, abortError, errorMessage } from '@gateway-provisioners/core';
import type { Cancellation, Clock } from '@gateway-provisioners/core';
import { createMessage } from '@gateway-provisioners/wire';
import type { KernelMessage } from '@gateway-provisioners/wire';
import type { HubClient } from '../clients/client-hub.ts';
import { Gate } from '../life/gate.ts';
import type { ExecuteOptions, Execution, Kernel, MessageSink } from '../types.ts';
import { MessageQueue } from './message-queue.ts';

/** After the reply, output and the final idle are on their way; a kernel that lost them is not waited for longer. */
const IDLE_PATIENCE_MS = 10_000;

/** What an execution needs of its kernel. */
export interface ExecutionHost {
  readonly kernel: Kernel;
  readonly clock: Clock;
  /** Bound of what waits for a slow reader, in bytes. */
  readonly maxQueuedBytes: number;
  join(accepts: (message: KernelMessage) => boolean, sink: MessageSink): HubClient;
  send(message: KernelMessage, clientKey: string): void;
  /** Whether a message still waits for the kernel to start: it survives a restart. */
  isHeld(messageId: string): boolean;
  /** The kernel was restarted or died. */
  onLost(listener: (error: ProvisionerError) => void): Cancellation;
}

/** Sends code to the kernel at once and collects what belongs to it. */
export function startExecution(code: string, options: ExecuteOptions, host: ExecutionHost): Execution {
  const run = new ExecutionRun(code, options, host);
  return { reply: run.reply, [Symbol.asyncIterator]: () => run.queue[Symbol.asyncIterator]() };
}

class ExecutionRun {
  readonly queue: MessageQueue;
  readonly #options: ExecuteOptions;
  readonly #host: ExecutionHost;
  readonly #request: KernelMessage;
  readonly #client: HubClient;
  readonly #reply = new Gate<Readonly<Record<string, unknown>>>();
  readonly #undo: Cancellation[] = [];
  #replyMessage: KernelMessage | undefined;
  #cancelPatience: Cancellation | undefined;
  /** Whether the kernel works on it now; what else runs must not be interrupted in its stead. */
  #isRunning = false;
  #isIdle = false;
  #isOver = false;

  constructor(code: string, options: ExecuteOptions, host: ExecutionHost) {
    this.#options = options;
    this.#host = host;
    this.#request = executeRequest(code, options);
    this.queue = new MessageQueue(host.maxQueuedBytes);
    this.#client = host.join((message) => this.#accepts(message), {
      write: (batch) => {
        this.queue.push(batch);
        return true;
      },
    });
    this.#start();
  }

  get reply(): Promise<Readonly<Record<string, unknown>>> {
    return this.#reply.promise;
  }

  #start(): void {
    const { signal, timeoutMs } = this.#options;
    this.#undo.push(
      this.#host.onLost((error) => {
        if (!this.#host.isHeld(this.#request.header.msg_id) || error.code === 'CANCELLED') this.#fail(error);
      }),
    );
    if (signal !== undefined) {
      const onAbort = (): void => {
        this.#giveUp(abortError(signal));
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#undo.push(() => {
        signal.removeEventListener('abort', onAbort);
      });
      if (signal.aborted) {
        this.#fail(abortError(signal));
        return;
      }
    }
    if (timeoutMs !== undefined && Number.isFinite(timeoutMs)) {
      const message = `the execution took longer than ${String(timeoutMs)} ms and was interrupted`;
      this.#undo.push(
        this.#host.clock.schedule(timeoutMs, () => {
          this.#giveUp(new ProvisionerError('DEADLINE_EXCEEDED', message));
        }),
      );
    }
    try {
      this.#host.send(this.#request, this.#client.clientKey);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Called for every message as it arrives, however slowly the caller reads. */
  #accepts(message: KernelMessage): boolean {
    if (this.#isOver || message.parentHeader.msg_id !== this.#request.header.msg_id) return false;
    if (message.channel === 'shell') {
      this.#onReply(message);
      return false; // it is handed out last
    }
    if (message.channel === 'stdin' && message.header.msg_type === 'input_request') void this.#answer(message);
    if (message.channel === 'iopub' && message.header.msg_type === 'status') this.#onStatus(message);
    return true;
  }

  #onReply(message: KernelMessage): void {
    this.#replyMessage = message;
    try {
      this.#reply.open(message.parseContent());
    } catch (error) {
      this.#fail(error);
      return;
    }
    if (this.#isIdle) this.#finishSoon();
    else {
      this.#cancelPatience = this.#host.clock.schedule(IDLE_PATIENCE_MS, () => {
        this.#finish();
      });
    }
  }

  #onStatus(message: KernelMessage): void {
    const state = message.parseContent()['execution_state'];
    if (state === 'busy') this.#isRunning = true;
    if (state !== 'idle') return;
    this.#isRunning = false;
    this.#isIdle = true;
    if (this.#replyMessage !== undefined) this.#finishSoon();
  }

  /** The message that is being looked at has yet to reach the queue. */
  #finishSoon(): void {
    queueMicrotask(() => {
      this.#finish();
    });
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#end();
    if (this.#replyMessage !== undefined) this.queue.push([this.#replyMessage]);
    this.queue.finish();
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#end();
    this.#reply.fail(error);
    this.queue.fail(error);
  }

  #end(): void {
    this.#isOver = true;
    this.#cancelPatience?.();
    for (const undo of this.#undo) undo();
    this.#client.close();
  }

  /** Stops waiting, and the kernel if it is at work on this. */
  #giveUp(error: Error): void {
    const isRunning = this.#isRunning;
    this.#fail(error);
    if (isRunning) this.#host.kernel.interrupt().catch(() => undefined);
  }

  async #answer(request: KernelMessage): Promise<void> {
    try {
      const { prompt, password } = request.parseContent();
      const value = await this.#options.onInput?.(typeof prompt === 'string' ? prompt : '', password === true);
      if (this.#isOver) return;
      const reply = createMessage({
        channel: 'stdin',
        msgType: 'input_reply',
        content: { value: value ?? '' },
        session: this.#request.header.session,
        parent: request,
      });
      this.#host.send(reply, this.#client.clientKey);
    } catch (error) {
      this.#giveUp(error instanceof Error ? error : new Error(errorMessage(error)));
    }
  }
}

function executeRequest(code: string, options: ExecuteOptions): KernelMessage {
  const silent = options.silent ?? false;
  return createMessage({
    channel: 'shell',
    msgType: 'execute_request',
    session: randomUUID(),
    content: {
      code,
      silent,
      store_history: options.storeHistory ?? !silent,
      user_expressions: options.userExpressions ?? {},
      allow_stdin: options.onInput !== undefined,
      stop_on_error: options.stopOnError ?? true,
    },
  });
}
