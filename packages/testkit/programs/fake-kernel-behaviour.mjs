/** The protocol side of the fake kernel: requests in, replies and status out. */
import { createHmac, randomUUID } from 'node:crypto';
import { runCommand } from './fake-kernel-commands.mjs';

const DELIMITER = Buffer.from('<IDS|MSG>');

export class FakeKernel {
  #sockets;
  #key;
  #verificationKey;
  #ignoresShutdown;
  #session = randomUUID();
  #executionCount = 0;
  #interruption;
  #inputWaiter;
  #queues = new Map();
  /** Values of `set`, for `get`. */
  variables = new Map();

  constructor({ sockets, key, verificationKey, ignoresShutdown }) {
    this.#sockets = sockets;
    this.#key = key;
    this.#verificationKey = verificationKey;
    this.#ignoresShutdown = ignoresShutdown;
  }

  async run() {
    await this.publish('status', { execution_state: 'starting' }, {});
    await Promise.all([this.#serve('shell'), this.#serve('control'), this.#serveStdin(), this.#serveHeartbeat()]);
  }

  /** What SIGINT and `interrupt_request` do: the running command fails with KeyboardInterrupt. */
  interrupt() {
    this.#interruption?.abort();
  }

  async publish(type, content, { parent, metadata, buffers } = {}) {
    const frames = this.#encode({ type, content, parent: parent?.header, metadata, buffers });
    await this.#sendInOrder('iopub', [Buffer.from(type), ...frames]);
  }

  /** Asks the client that sent `request`; resolves with what the user typed. */
  async ask(request, { prompt, password, signal }) {
    const answer = new Promise((resolve, reject) => {
      this.#inputWaiter = resolve;
      signal.addEventListener('abort', () => reject(new Error('interrupted')), { once: true });
    });
    const frames = this.#encode({ type: 'input_request', content: { prompt, password }, parent: request.header });
    await this.#sendInOrder('stdin', [...request.identities, ...frames]);
    return await answer;
  }

  async #serve(channel) {
    for await (const frames of this.#sockets[channel]) {
      const request = this.#decode(frames);
      if (request === undefined) continue;
      await this.publish('status', { execution_state: 'busy' }, { parent: request });
      await this.#answer(channel, request);
      await this.publish('status', { execution_state: 'idle' }, { parent: request });
      if (request.header.msg_type === 'shutdown_request' && !this.#ignoresShutdown) {
        this.#sockets.close();
        process.exitCode = 0;
        // Sockets linger for their last messages; timers and child processes must not keep us.
        setTimeout(() => process.exit(), 50);
        return;
      }
    }
  }

  async #serveStdin() {
    for await (const frames of this.#sockets.stdin) {
      const message = this.#decode(frames);
      if (message?.header.msg_type === 'input_reply') this.#inputWaiter?.(message.content.value);
    }
  }

  async #serveHeartbeat() {
    for await (const frames of this.#sockets.heartbeat) await this.#sockets.heartbeat.send(frames);
  }

  async #answer(channel, request) {
    const type = request.header.msg_type;
    if (type.startsWith('comm_') && type !== 'comm_info_request') return await this.#echoComm(request);
    if (!type.endsWith('_request')) return undefined;
    const content = type === 'execute_request' ? await this.#execute(request) : this.#replyContent(type, request);
    if (content === undefined) return undefined;
    const replyType = type.replace(/_request$/, '_reply');
    const frames = this.#encode({ type: replyType, content, parent: request.header });
    await this.#sendInOrder(channel, [...request.identities, ...frames]);
    if (type === 'shutdown_request') await this.publish(replyType, content, { parent: request });
    return undefined;
  }

  #replyContent(type, request) {
    switch (type) {
      case 'kernel_info_request':
        return kernelInfo;
      case 'interrupt_request':
        this.interrupt();
        return { status: 'ok' };
      case 'shutdown_request':
        return this.#ignoresShutdown ? undefined : { status: 'ok', restart: request.content.restart ?? false };
      case 'is_complete_request':
        return { status: 'complete' };
      case 'complete_request':
        return { status: 'ok', matches: [], cursor_start: 0, cursor_end: 0, metadata: {} };
      case 'inspect_request':
        return { status: 'ok', found: false, data: {}, metadata: {} };
      case 'history_request':
        return { status: 'ok', history: [] };
      case 'comm_info_request':
        return { status: 'ok', comms: {} };
      default:
        return undefined;
    }
  }

  async #execute(request) {
    const { code, silent = false, store_history: storeHistory = !silent } = request.content;
    if (storeHistory) this.#executionCount += 1;
    const execution_count = this.#executionCount;
    if (!silent) await this.publish('execute_input', { code, execution_count }, { parent: request });
    this.#interruption = new AbortController();
    const context = { kernel: this, request, executionCount: execution_count, signal: this.#interruption.signal };
    try {
      for (const line of code.split('\n')) await runCommand(line, context);
      return { status: 'ok', execution_count, payload: [], user_expressions: this.#evaluate(request) };
    } catch (error) {
      const ename = context.signal.aborted ? 'KeyboardInterrupt' : (error.ename ?? 'FakeKernelError');
      const content = { ename, evalue: error.message, traceback: [`${ename}: ${error.message}`] };
      await this.publish('error', content, { parent: request });
      return { status: 'error', execution_count, ...content };
    } finally {
      this.#interruption = undefined;
      this.#inputWaiter = undefined;
    }
  }

  #evaluate(request) {
    const results = Object.entries(request.content.user_expressions ?? {}).map(([key, name]) => {
      const text = this.variables.get(name);
      if (text === undefined) return [key, { status: 'error', ename: 'NameError', evalue: name, traceback: [] }];
      return [key, { status: 'ok', data: { 'text/plain': text }, metadata: {} }];
    });
    return Object.fromEntries(results);
  }

  async #echoComm(request) {
    const { comm_id, data = {} } = request.content;
    if (request.header.msg_type === 'comm_close') return;
    await this.publish('comm_msg', { comm_id, data: { echo: data } }, { parent: request, buffers: request.buffers });
  }

  /** zeromq.js rejects a send that overlaps another on the same socket. */
  #sendInOrder(name, frames) {
    const sent = (this.#queues.get(name) ?? Promise.resolve()).then(() => this.#sockets[name].send(frames));
    this.#queues.set(
      name,
      sent.catch(() => undefined),
    );
    return sent;
  }

  #encode({ type, content, parent = {}, metadata = {}, buffers = [] }) {
    const header = {
      msg_id: randomUUID(),
      msg_type: type,
      session: this.#session,
      username: 'fake',
      date: new Date().toISOString(),
      version: '5.4',
    };
    const parts = [header, parent, metadata, content].map((part) => Buffer.from(JSON.stringify(part)));
    return [DELIMITER, Buffer.from(sign(this.#key, parts)), ...parts, ...buffers];
  }

  #decode(frames) {
    const at = frames.findIndex((frame) => frame.equals(DELIMITER));
    const parts = frames.slice(at + 2, at + 6);
    if (at < 0 || parts.length < 4 || frames[at + 1].toString() !== sign(this.#verificationKey, parts)) {
      process.stderr.write('fake-kernel: dropped a message that is malformed or not signed with my key\n');
      return undefined;
    }
    const [header, , , content] = parts.map((part) => JSON.parse(part.toString()));
    return { identities: frames.slice(0, at), header, content, buffers: frames.slice(at + 6) };
  }
}

const kernelInfo = {
  status: 'ok',
  protocol_version: '5.4',
  implementation: 'fake-kernel',
  implementation_version: '1.0.0',
  language_info: { name: 'fake', version: '1.0.0', mimetype: 'text/plain', file_extension: '.txt' },
  banner: 'fake kernel of testkit',
  help_links: [],
  supported_features: [],
};

function sign(key, parts) {
  if (key === '') return '';
  const hmac = createHmac('sha256', key);
  for (const part of parts) hmac.update(part);
  return hmac.digest('hex');
}
