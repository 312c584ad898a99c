import type { Socket } from 'node:net';
import type { RawData, WebSocket } from 'ws';
import { errorMessage, isProvisionerError } from '@gateway-provisioners/core';
import type { Clock, Logger } from '@gateway-provisioners/core';
import type { Kernel, KernelClient } from '@gateway-provisioners/kernel-manager';
import { V1_SUBPROTOCOL, defaultFraming, v1Framing } from '@gateway-provisioners/wire';
import type { KernelMessage, WebSocketFraming } from '@gateway-provisioners/wire';
import { closeReasons, closeText, malformed, tooLarge } from './close-codes.ts';
import type { CloseReason } from './close-codes.ts';
import { CLOSING } from './gateway-web-socket.ts';
import { Heartbeat } from './heartbeat.ts';
import { Outbox } from './outbox.ts';
import { refusalOf } from './refusal.ts';

export interface KernelSocketLimits {
  readonly maxMessageBytes: number;
  readonly highWaterBytes: number;
  readonly pingIntervalMs: number;
  readonly stallTimeoutMs: number;
}

export interface KernelSocketOptions {
  readonly webSocket: WebSocket;
  /** The connection below the WebSocket. */
  readonly socket: Socket;
  readonly kernel: Kernel;
  readonly sessionId: string | undefined;
  readonly limits: KernelSocketLimits;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onGone: () => void;
}

const endReasons = {
  'kernel-ended': closeReasons.kernelEnded,
  replaced: closeReasons.replaced,
  overflow: closeReasons.overflow,
  closed: closeReasons.closed,
};

/** One client's WebSocket to one kernel: frames in, messages out, until either side is done. */
export class KernelSocket {
  readonly #options: KernelSocketOptions;
  readonly #framing: WebSocketFraming;
  readonly #outbox: Outbox;
  readonly #heartbeat: Heartbeat;
  #client: KernelClient | undefined;
  #received = 0;

  constructor(options: KernelSocketOptions) {
    const { webSocket, socket, limits, clock } = options;
    const framing = webSocket.protocol === V1_SUBPROTOCOL ? v1Framing : defaultFraming;
    this.#options = options;
    this.#framing = framing;
    this.#outbox = new Outbox({
      webSocket,
      socket,
      framing,
      clock,
      highWaterBytes: limits.highWaterBytes,
      stallTimeoutMs: limits.stallTimeoutMs,
      confirms: options.sessionId !== undefined,
      onDrained: () => this.#client?.resume(),
      onStalled: () => {
        this.close(closeReasons.stalled);
      },
    });
    this.#heartbeat = new Heartbeat({
      intervalMs: limits.pingIntervalMs,
      clock,
      // Nobody can answer a ping that waits behind unread output; the stall limit watches over that.
      suspended: () => this.#outbox.isFull,
      ping: () => {
        this.#outbox.ping();
      },
      onSilent: () => {
        this.close(closeReasons.noPong);
      },
    });
  }

  open(): void {
    const { webSocket, kernel, sessionId, logger } = this.#options;
    webSocket.on('message', (data, isBinary) => {
      this.#onMessage(data, isBinary);
    });
    webSocket.on('pong', (payload) => {
      this.#heartbeat.sign();
      this.#outbox.onPong(payload.toString('latin1'));
    });
    // What ws reports here it has already answered with a close frame.
    webSocket.on('error', (error) => {
      logger.debug('websocket error', { error });
    });
    // A client that says good-bye has seen what made it leave: @jupyterlab/services connects anew for every `restarting`,
    // and would do so again and again if it came again.
    webSocket.once(CLOSING, () => {
      this.#leave('unsent');
    });
    webSocket.once('close', (code) => {
      this.#onClosed(code);
    });
    try {
      this.#client = kernel.connect({
        sessionId,
        sink: {
          write: (batch) => this.#outbox.write(batch),
          end: (reason) => {
            this.close(endReasons[reason]);
            // One that is broken already cannot be told, and has its undelivered messages still.
            this.#leave('unconfirmed');
          },
        },
      });
    } catch (error) {
      logger.error('websocket refused by the kernel', { error });
      this.close(closeReasons.internal);
      return;
    }
    this.#heartbeat.start();
    logger.info('websocket open', { framing: this.#framing.name });
  }

  /** Says why, then ends the connection; what the client has not taken yet gets the close timeout to leave. */
  close(reason: CloseReason): void {
    const { webSocket, logger } = this.#options;
    if (webSocket.readyState !== webSocket.OPEN) return;
    this.#heartbeat.stop();
    this.#leave(reason.keepOutput === true ? 'flushed' : 'unconfirmed');
    logger.debug('closing websocket', { closeCode: reason.code, reason: reason.text });
    webSocket.close(reason.code, closeText(reason.text));
  }

  terminate(): void {
    this.#options.webSocket.terminate();
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    const { limits, webSocket } = this.#options;
    this.#heartbeat.sign();
    const client = this.#client;
    if (client === undefined || webSocket.readyState !== webSocket.OPEN) return;
    // The type allows fragments and ArrayBuffers, which the default binary type never brings.
    const bytes = Buffer.isBuffer(data) ? data : Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
    let message: KernelMessage;
    try {
      message = this.#framing.decode(isBinary ? bytes : bytes.toString());
    } catch (error) {
      this.#refuseFrame(error, isBinary);
      return;
    }
    if (bytes.length > limits.maxMessageBytes) {
      const reason = tooLarge(limits.maxMessageBytes);
      this.#outbox.write(refusalOf(message, 'MESSAGE_TOO_LARGE', reason.text));
      this.close(reason);
      return;
    }
    this.#received += 1;
    this.#send(client, message);
  }

  #send(client: KernelClient, message: KernelMessage): void {
    try {
      client.send(message);
    } catch (error) {
      const { logger } = this.#options;
      if (isProvisionerError(error) && error.kind !== 'internal') {
        // The request failed, the connection did not: its sender is told, and may go on.
        logger.warn('message refused', { code: error.code, messageType: message.header.msg_type });
        this.#outbox.write(refusalOf(message, error.code, error.message));
        return;
      }
      logger.error('message could not be sent', { error });
      this.close(closeReasons.internal);
    }
  }

  #refuseFrame(error: unknown, isBinary: boolean): void {
    const { logger } = this.#options;
    const rule = errorMessage(error);
    logger.warn('malformed websocket message', { error: rule });
    this.close(malformed(this.#framing.name === 'v1' && !isBinary, rule));
  }

  /** Only the first time has an effect. */
  #leave(owed: 'flushed' | 'unconfirmed' | 'unsent'): void {
    this.#client?.close({ undelivered: this.#outbox.finish(owed) });
  }

  #onClosed(closeCode: number): void {
    this.#heartbeat.stop();
    const dropped = this.#client?.dropped;
    this.#leave('unconfirmed');
    this.#options.logger.info('websocket closed', {
      closeCode,
      sentMessages: this.#outbox.sentMessages,
      receivedMessages: this.#received,
      droppedMessages: dropped?.messages ?? 0,
    });
    this.#options.onGone();
  }
}
