import { ServerConnection } from '@jupyterlab/services';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { withDeadline } from '@gateway-provisioners/core';
import { WebSocket } from 'ws';
import { until } from '../support/until.ts';
import type { RunningServer } from '../support/server-process.ts';

/** `default` is the older framing: JSON text, and a binary form for messages with buffers. */
export type FramingName = 'v1' | 'default';

/** `@jupyterlab/services` as a program uses it on Node, with a record of the WebSockets that it opened. */
export interface ServicesClient {
  readonly settings: ServerConnection.ISettings;
  readonly sockets: readonly WebSocket[];
  /** Waits until the server knows that all has arrived that has: it asks behind it, by a ping. */
  settle(): Promise<void>;
  /** Ends what is left of its connections, without a word: a kernel that is disposed of waits for no answer either. */
  end(): Promise<void>;
}

export interface ServicesClientOptions {
  readonly server: RunningServer;
  readonly framing: FramingName;
  /** Where WebSockets go instead of the server: a relay. */
  readonly webSocketUrl?: string | undefined;
}

export function createServicesClient(options: ServicesClientOptions): ServicesClient {
  const sockets: WebSocket[] = [];
  /** With messages behind which no ping has come. */
  const unasked = new Set<WebSocket>();
  class RecordedWebSocket extends WebSocket {
    constructor(url: string, protocols: string[] = []) {
      // The library always offers v1; a client that offers nothing gets the default framing.
      super(url, options.framing === 'v1' ? protocols : []);
      sockets.push(this);
      this.on('message', () => unasked.add(this));
      for (const event of ['ping', 'close']) this.on(event, () => unasked.delete(this));
    }
  }
  const webSocketUrl = options.webSocketUrl?.replace(/^http/, 'ws');
  const settings = ServerConnection.makeSettings({
    baseUrl: options.server.url,
    token: options.server.token,
    appendToken: true,
    ...(webSocketUrl === undefined ? {} : { wsUrl: webSocketUrl }),
  });
  // Assigned, because `ws` differs from the DOM's type in methods that the library does not use.
  return {
    settings: Object.assign(settings, { WebSocket: RecordedWebSocket }),
    sockets,
    async settle() {
      await until({ what: 'pings behind all messages' }, () => unasked.size === 0);
      // The answer to ours comes after the server has read our answer to its own.
      await Promise.all(sockets.filter(({ readyState }) => readyState === WebSocket.OPEN).map(roundTrip));
    },
    async end() {
      await Promise.all(sockets.map(endSocket));
    },
  };
}

async function roundTrip(socket: WebSocket): Promise<void> {
  const answered = new Promise((resolve) => socket.once('pong', resolve));
  socket.ping();
  await withDeadline({ what: 'answer to a ping', timeoutMs: 60_000 }, () => answered);
}

async function endSocket(socket: WebSocket): Promise<void> {
  if (socket.readyState === WebSocket.CLOSED) return;
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.on('error', () => undefined);
  socket.terminate();
  await withDeadline({ what: 'end of a WebSocket', timeoutMs: 60_000 }, () => closed);
}

/**
 * Disposes of a manager with nothing left behind. By itself the library only marks its polls as disposed, and their last
 * timers keep the process alive for ten seconds more.
 */
export async function disposeManager(manager: { dispose(): void }): Promise<void> {
  for (const value of Object.values(manager)) if (isPoll(value)) await value.stop();
  manager.dispose();
}

function isPoll(value: unknown): value is { stop(): Promise<void> } {
  return typeof value === 'object' && value !== null && 'tick' in value && 'stop' in value;
}

export interface ExecuteCodeOptions {
  readonly onInput?: ((prompt: string) => string) | undefined;
  /** Sees every IOPub message of the request, in order. */
  readonly onMessage?: ((message: KernelMessage.IIOPubMessage) => void) | undefined;
  /** When it fails, what is queued behind it is aborted; default false, as the library has it. */
  readonly stopOnError?: boolean | undefined;
  readonly timeoutMs?: number | undefined;
}

export interface ExecutedCode {
  readonly reply: KernelMessage.IExecuteReplyMsg;
  readonly messages: readonly KernelMessage.IIOPubMessage[];
}

/** Runs code to its `execute_reply` and idle. */
export async function executeCode(
  kernel: Kernel.IKernelConnection,
  code: string,
  options: ExecuteCodeOptions = {},
): Promise<ExecutedCode> {
  const messages: KernelMessage.IIOPubMessage[] = [];
  const future = kernel.requestExecute({
    code,
    allow_stdin: options.onInput !== undefined,
    stop_on_error: options.stopOnError ?? false,
  });
  future.onIOPub = (message) => {
    messages.push(message);
    options.onMessage?.(message);
  };
  future.onStdin = (message) => {
    if (!isMessage(message, 'input_request')) return;
    const value = options.onInput?.(message.content.prompt) ?? '';
    future.sendInputReply({ status: 'ok', value }, message.header);
  };
  try {
    const reply = await withDeadline(
      { what: `reply to ${JSON.stringify(code.slice(0, 60))}`, timeoutMs: options.timeoutMs ?? 60_000 },
      () => future.done,
    );
    return { reply, messages };
  } finally {
    future.dispose();
  }
}

/** All text that went to a stream. */
export function streamText(messages: readonly KernelMessage.IMessage[], name: 'stdout' | 'stderr' = 'stdout'): string {
  return messages
    .filter((message) => isMessage(message, 'stream'))
    .filter((message) => message.content.name === name)
    .map((message) => message.content.text)
    .join('');
}

interface MessagesByType {
  readonly stream: KernelMessage.IStreamMsg;
  readonly error: KernelMessage.IErrorMsg;
  readonly status: KernelMessage.IStatusMsg;
  readonly execute_result: KernelMessage.IExecuteResultMsg;
  readonly display_data: KernelMessage.IDisplayDataMsg;
  readonly comm_open: KernelMessage.ICommOpenMsg;
  readonly comm_msg: KernelMessage.ICommMsgMsg;
  readonly input_request: KernelMessage.IInputRequestMsg;
}

export function isMessage<K extends keyof MessagesByType>(
  message: KernelMessage.IMessage,
  type: K,
): message is MessagesByType[K] {
  return message.header.msg_type === type;
}
