import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { WebSocket, WebSocketServer } from 'ws';
import type { Clock, Logger } from '@gateway-provisioners/core';
import { ProvisionerError, raceSignal } from '@gateway-provisioners/core';
import type { Kernel } from '@gateway-provisioners/kernel-manager';
import type { WebSocketOptions } from '../gateway-options.ts';
import { closeReasons, tooLarge } from './close-codes.ts';
import type { KernelSocket, KernelSocketLimits } from './kernel-socket.ts';
import type { WebSocketServerOptions } from './web-socket-server-options.ts';

const MIB = 1024 * 1024;

export interface AcceptOptions {
  readonly request: IncomingMessage;
  readonly socket: Socket;
  readonly head: Buffer;
  readonly kernel: Kernel;
  readonly sessionId: string | undefined;
  readonly user: string;
}

interface WebSocketLibrary {
  readonly server: WebSocketServer;
  readonly KernelSocket: typeof KernelSocket;
}

async function loadLibrary(options: WebSocketServerOptions): Promise<WebSocketLibrary> {
  const { createWebSocketServer } = await import('./gateway-web-socket.ts');
  const { KernelSocket } = await import('./kernel-socket.ts');
  return { server: createWebSocketServer(options), KernelSocket };
}

/** All WebSockets of the gateway. */
export class KernelSockets {
  readonly #serverOptions: WebSocketServerOptions;
  #library: Promise<WebSocketLibrary> | undefined;
  readonly #limits: KernelSocketLimits;
  readonly #sockets = new Set<KernelSocket>();
  readonly #clock: Clock;
  readonly #logger: Logger;
  #emptied: (() => void) | undefined;

  constructor(options: WebSocketOptions, services: { readonly clock: Clock; readonly logger: Logger }) {
    const maxMessageBytes = options.maxMessageBytes ?? 64 * MIB;
    this.#clock = services.clock;
    this.#logger = services.logger;
    this.#limits = {
      maxMessageBytes,
      highWaterBytes: options.highWaterBytes ?? MIB,
      pingIntervalMs: options.pingIntervalMs ?? 30_000,
      stallTimeoutMs: options.stallTimeoutMs ?? 600_000,
    };
    this.#serverOptions = {
      // Up to twice the limit is read to its end, so that the refusal can name the request that it concerns.
      maxPayloadBytes: 2 * maxMessageBytes,
      oversizeReason: tooLarge(maxMessageBytes).text,
      compression: options.compression ?? false,
      closeTimeoutMs: options.closeTimeoutMs ?? 5_000,
    };
  }

  get count(): number {
    return this.#sockets.size;
  }

  /**
   * Loads what WebSockets need, which a gateway can start to serve without, and returns what completes handshakes
   * whose requests have been checked and joins them to their kernel's conversation.
   */
  async prepare(): Promise<(options: AcceptOptions) => void> {
    this.#library ??= loadLibrary(this.#serverOptions);
    const { server, KernelSocket } = await this.#library;
    return (options) => {
      server.handleUpgrade(options.request, options.socket, options.head, (webSocket) => {
        server.emit('connection', webSocket, options.request);
        this.#join(webSocket, options, KernelSocket);
      });
    };
  }

  /** Closes every WebSocket with 1001 and waits until all are gone or the signal fires. */
  async closeAll(options: { readonly signal: AbortSignal }): Promise<void> {
    const emptied = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    for (const socket of [...this.#sockets]) socket.close(closeReasons.gatewayStopping);
    if (this.#sockets.size > 0) await raceSignal(emptied, options.signal);
  }

  /** Ends what {@link closeAll} could not. */
  terminateAll(): void {
    for (const socket of [...this.#sockets]) socket.terminate();
  }

  #join(webSocket: WebSocket, options: AcceptOptions, Socket: WebSocketLibrary['KernelSocket']): void {
    const { kernel, sessionId, user } = options;
    const logger = this.#logger.child({ kernelId: kernel.id, user });
    const kernelSocket = new Socket({
      webSocket,
      socket: options.socket,
      kernel,
      sessionId,
      limits: this.#limits,
      clock: this.#clock,
      logger,
      onGone: () => {
        this.#sockets.delete(kernelSocket);
        if (this.#sockets.size === 0) this.#emptied?.();
      },
    });
    this.#sockets.add(kernelSocket);
    kernelSocket.open();
  }
}

/** Errors: `INVALID_REQUEST`: what RFC 6455 §4.2.1 asks of a handshake is missing. */
export function checkHandshake(request: IncomingMessage): void {
  const { upgrade, 'sec-websocket-key': key, 'sec-websocket-version': version } = request.headers;
  if (upgrade?.toLowerCase() !== 'websocket') {
    throw new ProvisionerError('INVALID_REQUEST', 'this address speaks WebSocket: send an upgrade request');
  }
  if (version !== '13' && version !== '8') {
    throw new ProvisionerError('INVALID_REQUEST', 'Sec-WebSocket-Version has to be 13');
  }
  if (key === undefined || !/^[+/0-9A-Za-z]{22}==$/.test(key)) {
    throw new ProvisionerError('INVALID_REQUEST', 'Sec-WebSocket-Key is missing or malformed');
  }
}
