import { randomUUID } from 'node:crypto';
import { ProvisionerError, ResourceStack, isProvisionerError, withDeadline } from '@gateway-provisioners/core';
import type { CallOptions, JsonObject, KernelConnection, Observed } from '@gateway-provisioners/core';
import { KernelChannels, createMessage } from '@gateway-provisioners/wire';
import type { KernelMessage } from '@gateway-provisioners/wire';

export interface TestKernelClientOptions extends CallOptions {
  readonly connection: Observed<KernelConnection>;
  /** Default `auto`. */
  readonly engine?: 'auto' | 'zmtp' | 'zeromq';
  /** Until the kernel must have answered, in milliseconds. Default 30,000. */
  readonly timeoutMs?: number;
}

/** What a request brought. */
export interface TestReply {
  /** Content of the reply on shell or control. */
  readonly content: Readonly<Record<string, unknown>>;
  /** Text of `stdout` streams and of `text/plain` results, in order. */
  readonly output: string;
  /** Everything on iopub with this request as its parent, the final `idle` included. */
  readonly iopub: readonly KernelMessage[];
}

interface Pending {
  readonly iopub: KernelMessage[];
  output: string;
  reply: KernelMessage | undefined;
  idle: boolean;
  readonly settle: () => void;
  readonly fail: (error: Error) => void;
  readonly onOutput: (() => void) | undefined;
}

const FIRST_ATTEMPT_MS = 500;
const LONGEST_ATTEMPT_MS = 8_000;

/** The least that a test needs to talk to a kernel: one request, its reply and its output. */
export class TestKernelClient implements AsyncDisposable {
  readonly channels: KernelChannels;
  readonly #session = randomUUID();
  readonly #pending = new Map<string, Pending>();

  private constructor(options: TestKernelClientOptions) {
    this.channels = new KernelChannels({
      connection: options.connection,
      engine: options.engine ?? 'auto',
      onMessages: (batch) => {
        for (const { message } of batch) this.#take(message);
      },
    });
  }

  /**
   * Connects and returns once the kernel has answered `kernel_info_request` and its iopub messages arrive.
   * Errors: `DEADLINE_EXCEEDED`, and those of the channels.
   */
  static async open(options: TestKernelClientOptions): Promise<TestKernelClient> {
    await using stack = new ResourceStack();
    const client = stack.use(new TestKernelClient(options));
    const timeoutMs = options.timeoutMs ?? 30_000;
    await withDeadline({ signal: options.signal, timeoutMs, what: 'a kernel that answers' }, async (scope) => {
      await client.channels.open({ signal: scope.signal, timeoutMs });
      // A PUB socket drops what it sends before the subscription arrived: ask until the status is seen too. Ever longer,
      // for a kernel that takes its time with each answer.
      let attemptMs = FIRST_ATTEMPT_MS;
      while (!(await client.#answersWithin(attemptMs, scope.signal))) {
        attemptMs = Math.min(2 * attemptMs, LONGEST_ATTEMPT_MS);
      }
    });
    stack.move();
    return client;
  }

  /** Runs code and waits for the reply and the `idle` that follows. Errors: `DEADLINE_EXCEEDED`. */
  async execute(code: string, options: CallOptions & { readonly timeoutMs?: number } = {}): Promise<TestReply> {
    return await this.request('execute_request', { content: executeContent(code), ...options });
  }

  /**
   * Runs code that writes something and goes on; returns when its first output is here, so that it runs for certain. An
   * interrupt that comes before that may end the request without an answer. Errors: `DEADLINE_EXCEEDED`.
   */
  async begin(
    code: string,
    options: CallOptions & { readonly timeoutMs?: number } = {},
  ): Promise<{ readonly reply: Promise<TestReply> }> {
    let onOutput = (): void => undefined;
    const written = new Promise<void>((resolve) => {
      onOutput = resolve;
    });
    const reply = this.request('execute_request', { content: executeContent(code), ...options, onOutput });
    await Promise.race([written, reply]);
    return { reply };
  }

  /** Sends any request on shell. Errors: `DEADLINE_EXCEEDED`. */
  async request(
    msgType: string,
    options: CallOptions & {
      readonly content?: JsonObject;
      readonly timeoutMs?: number;
      readonly onOutput?: () => void;
    } = {},
  ): Promise<TestReply> {
    const session = this.#session;
    const message = createMessage({ channel: 'shell', msgType, content: options.content ?? {}, session });
    const id = message.header.msg_id;
    try {
      return await withDeadline(
        { signal: options.signal, timeoutMs: options.timeoutMs ?? 30_000, what: `the answer to ${msgType}` },
        async () => {
          const pending = await new Promise<Pending>((resolve, reject) => {
            const entry: Pending = {
              iopub: [],
              output: '',
              reply: undefined,
              idle: false,
              settle: () => {
                if (entry.reply !== undefined && entry.idle) resolve(entry);
              },
              fail: reject,
              onOutput: options.onOutput,
            };
            this.#pending.set(id, entry);
            this.channels.send(message, session);
          });
          const { reply, output, iopub } = pending;
          if (reply === undefined) throw new ProvisionerError('INTERNAL', 'settled without a reply');
          return { content: reply.parseContent(), output, iopub };
        },
      );
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Fails what is still waited for with `INVALID_STATE`. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { fail } of this.#pending.values()) {
      fail(new ProvisionerError('INVALID_STATE', 'the client was closed before the kernel had answered'));
    }
    await this.channels[Symbol.asyncDispose]();
  }

  async #answersWithin(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    try {
      await this.request('kernel_info_request', { timeoutMs, signal });
      return true;
    } catch (error) {
      // The attempt's own deadline means "again"; the outer one arrives through `signal`.
      if (isProvisionerError(error, 'DEADLINE_EXCEEDED') && !signal.aborted) return false;
      throw error;
    }
  }

  #take(message: KernelMessage): void {
    const pending = this.#pending.get(message.parentHeader.msg_id ?? '');
    if (pending === undefined) return;
    if (message.channel === 'iopub') {
      pending.iopub.push(message);
      const content = message.parseContent();
      const text = outputText(message.header.msg_type, content);
      pending.output += text;
      if (text !== '') pending.onOutput?.();
      if (message.header.msg_type === 'status' && content['execution_state'] === 'idle') pending.idle = true;
    } else if (message.channel !== 'stdin') {
      pending.reply = message;
    }
    pending.settle();
  }
}

function executeContent(code: string): JsonObject {
  // With stop_on_error ipykernel aborts what arrives shortly after the `idle` of a cell that failed, too.
  return { code, silent: false, store_history: true, user_expressions: {}, allow_stdin: false, stop_on_error: false };
}

function outputText(type: string, content: Readonly<Record<string, unknown>>): string {
  if (type === 'stream' && content['name'] === 'stdout') return String(content['text']);
  if (type !== 'execute_result') return '';
  const data = content['data'];
  if (typeof data !== 'object' || data === null || !('text/plain' in data)) return '';
  return `${String(data['text/plain'])}\n`;
}
