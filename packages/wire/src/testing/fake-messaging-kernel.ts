import { Buffer } from 'node:buffer';
import type { ChannelName, ConnectionInfo, JsonObject } from '@gateway-provisioners/core';
import { KernelMessage, createMessage } from '../kernel-message.ts';
import { joinFrames, splitFrames } from '../message-frames.ts';
import { MessageSigner } from '../message-signer.ts';
import { FakeKernelSockets } from './fake-kernel-sockets.ts';
import type { FakeKernelSocketsOptions } from './fake-kernel-sockets.ts';

/** What a client sent, verified, and ways to answer it. */
export interface FakeMessagingRequest {
  readonly message: KernelMessage;
  /** Routing id of the client's socket. */
  readonly identity: Buffer;
  /** Answers on the channel of the request. */
  readonly reply: (msgType: string, content?: JsonObject) => void;
  /** Asks on stdin. */
  readonly askForInput: (prompt: string) => void;
}

export interface FakeMessagingKernelOptions extends Omit<FakeKernelSocketsOptions, 'onRequest'> {
  readonly onMessage?: ((request: FakeMessagingRequest, kernel: FakeMessagingKernel) => void) | undefined;
}

/** A fake kernel that speaks Jupyter messages: it signs, verifies, and leaves what to answer to the test. */
export class FakeMessagingKernel implements AsyncDisposable {
  readonly sockets: FakeKernelSockets;
  readonly #signer: MessageSigner;

  private constructor(sockets: FakeKernelSockets) {
    this.sockets = sockets;
    this.#signer = new MessageSigner(sockets.connection.key);
  }

  static async bind(options: FakeMessagingKernelOptions = {}): Promise<FakeMessagingKernel> {
    const sockets: FakeKernelSockets = await FakeKernelSockets.bind({
      ...options,
      onRequest: ({ channel, identity, frames }) => {
        const { signature, parts, buffers } = splitFrames(frames);
        if (kernel.#signer.verify(signature, parts) !== 'good') return;
        const message = new KernelMessage({ channel, parts, buffers });
        options.onMessage?.(kernel.#request(message, identity), kernel);
      },
    });
    const kernel = new FakeMessagingKernel(sockets);
    return kernel;
  }

  get connection(): ConnectionInfo {
    return this.sockets.connection;
  }

  /** A signed message on iopub, with a topic as ipykernel sends it. */
  publish(msgType: string, content: JsonObject = {}, parent?: KernelMessage): void {
    this.sockets.publish([Buffer.from(`kernel.x.${msgType}`), ...this.#frames('iopub', { msgType, content, parent })]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sockets[Symbol.asyncDispose]();
  }

  #request(message: KernelMessage, identity: Buffer): FakeMessagingRequest {
    const { channel } = message;
    return {
      message,
      identity,
      reply: (msgType, content) => {
        if (channel !== 'iopub')
          this.sockets.send(channel, identity, this.#frames(channel, { msgType, content, parent: message }));
      },
      askForInput: (prompt) => {
        const content = { prompt, password: false };
        this.sockets.send(
          'stdin',
          identity,
          this.#frames('stdin', { msgType: 'input_request', content, parent: message }),
        );
      },
    };
  }

  #frames(
    channel: ChannelName,
    options: { msgType: string; content?: JsonObject | undefined; parent?: KernelMessage | undefined },
  ): readonly Buffer[] {
    const message = createMessage({ channel, session: 'kernel', ...options });
    return joinFrames(message, this.#signer.sign(message.parts));
  }
}
