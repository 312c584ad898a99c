import { ProvisionerError } from '@gateway-provisioners/core';
import type { Frames } from '../channel-socket.ts';
import { encodeCommand, encodeMetadata, parseCommand, parseMetadata } from './command.ts';
import type { Command } from './command.ts';
import { FrameDecoder } from './frame-decoder.ts';
import { encodeMessages } from './frame-encoder.ts';
import { GREETING_VERSION_BYTES, GreetingReader, encodeGreeting, printable } from './greeting.ts';

export type ZmtpSocketType = 'DEALER' | 'SUB';

/** Whom each of our socket types may talk to (RFC 23, "The NULL security mechanism"). */
const compatiblePeers: Readonly<Record<ZmtpSocketType, readonly string[]>> = {
  DEALER: ['ROUTER', 'DEALER', 'REP'],
  SUB: ['PUB', 'XPUB'],
};

const MAX_PING_CONTEXT_BYTES = 16;
const PING_TTL_BYTES = 2;

export interface ZmtpSessionOptions {
  readonly socketType: ZmtpSocketType;
  /** Sent as `Identity` by a DEALER. */
  readonly identity: Buffer;
  readonly maxMessageBytes: number;
  /**
   * Hold back the second half of our greeting until the peer has sent its own: libzmq hangs up on a wrong mechanism
   * before it has told its own. (Not always, because another peer may wait for all of ours.)
   */
  readonly stepwise: boolean;
  /** Takes bytes for the peer. */
  readonly write: (bytes: Buffer) => void;
  /** The handshake is done; a SUB has subscribed to everything. */
  readonly onOpen: () => void;
}

/**
 * The protocol of one connection, without input and output: bytes in, messages out. The phases are greeting, then
 * handshake (READY), then open, in this order only.
 */
export class ZmtpSession {
  readonly #options: ZmtpSessionOptions;
  readonly #greeting = new GreetingReader();
  readonly #decoder: FrameDecoder;
  #phase: 'greeting' | 'handshake' | 'open' = 'greeting';

  constructor(options: ZmtpSessionOptions) {
    this.#options = options;
    this.#decoder = new FrameDecoder({
      maxMessageBytes: options.maxMessageBytes,
      onCommand: (body, midMessage) => {
        this.#onCommand(parseCommand(body), midMessage);
      },
    });
  }

  /** Bytes of message frames seen so far, headers excluded. */
  get receivedBytes(): number {
    return this.#decoder.receivedBytes;
  }

  /** The peer's greeting began well and is not complete. */
  get isGreetingCutShort(): boolean {
    return this.#greeting.isCutShort;
  }

  /** Opens the conversation. */
  start(): void {
    const greeting = encodeGreeting();
    this.#options.write(this.#options.stepwise ? greeting.subarray(0, GREETING_VERSION_BYTES) : greeting);
  }

  /**
   * Takes what the peer sent; complete messages are appended to `out`, also when an error follows them.
   * Errors: `PROTOCOL_ERROR`, `MESSAGE_TOO_LARGE`; the connection is then to be ended.
   */
  receive(chunk: Buffer, out: Frames[]): void {
    if (this.#phase !== 'greeting') {
      this.#decoder.decode(chunk, out);
      return;
    }
    const taken = this.#greeting.read(chunk);
    if (this.#greeting.greeting === undefined) return;
    this.#phase = 'handshake';
    const { socketType, identity, stepwise } = this.#options;
    if (stepwise) this.#options.write(encodeGreeting().subarray(GREETING_VERSION_BYTES));
    this.#options.write(
      encodeCommand(
        'READY',
        encodeMetadata({
          'Socket-Type': Buffer.from(socketType, 'ascii'),
          ...(socketType === 'DEALER' ? { Identity: identity } : {}),
        }),
      ),
    );
    if (taken < chunk.length) this.#decoder.decode(chunk.subarray(taken), out);
  }

  /** Asks the peer for a sign of life; false when the peer's version does not know how. */
  ping(): boolean {
    if (this.#phase !== 'open' || this.#peerMinor < 1) return false;
    this.#options.write(encodeCommand('PING', Buffer.alloc(PING_TTL_BYTES)));
    return true;
  }

  get #peerMinor(): number {
    return this.#greeting.greeting?.minor ?? 0;
  }

  #onCommand(command: Command, midMessage: boolean): void {
    if (command.name === 'ERROR') throw peerError(command.data);
    if (this.#phase === 'open') {
      this.#onTrafficCommand(command, midMessage);
      return;
    }
    if (command.name !== 'READY') {
      throw new ProvisionerError('PROTOCOL_ERROR', `ZMTP: ${printable(command.name)} instead of READY`);
    }
    this.#checkPeerType(parseMetadata(command.data));
    this.#phase = 'open';
    this.#decoder.acceptMessages = true;
    if (this.#options.socketType === 'SUB') this.#subscribeToAll();
    this.#options.onOpen();
  }

  #onTrafficCommand(command: Command, midMessage: boolean): void {
    if (command.name === 'PING') {
      const context = command.data.subarray(PING_TTL_BYTES);
      if (command.data.length < PING_TTL_BYTES || context.length > MAX_PING_CONTEXT_BYTES) {
        throw new ProvisionerError('PROTOCOL_ERROR', 'ZMTP: PING has no time to live or too long a context');
      }
      this.#options.write(encodeCommand('PONG', context));
      return;
    }
    // libzmq puts its heartbeats between the frames of a message; nothing else belongs there.
    if (midMessage && command.name !== 'PONG') {
      throw new ProvisionerError('PROTOCOL_ERROR', `ZMTP: ${printable(command.name)} in the middle of a message`);
    }
    // Others are left to later versions of the protocol: ignored.
  }

  #checkPeerType(metadata: ReadonlyMap<string, Buffer>): void {
    const peerType = metadata.get('socket-type')?.toString('latin1');
    if (peerType === undefined) {
      throw new ProvisionerError('PROTOCOL_ERROR', 'ZMTP: the READY command lacks the Socket-Type');
    }
    const { socketType } = this.#options;
    if (compatiblePeers[socketType].includes(peerType)) return;
    throw new ProvisionerError(
      'PROTOCOL_ERROR',
      `a ${socketType} socket cannot talk to a ${printable(peerType)} socket (are the ports mixed up?)`,
    );
  }

  #subscribeToAll(): void {
    if (this.#peerMinor >= 1) {
      this.#options.write(encodeCommand('SUBSCRIBE', Buffer.alloc(0)));
      return;
    }
    for (const bytes of encodeMessages([[Buffer.from([1])]])) this.#options.write(bytes);
  }
}

function peerError(data: Buffer): ProvisionerError {
  const reason = data.toString('latin1', 1, 1 + (data[0] ?? 0));
  return new ProvisionerError('PROTOCOL_ERROR', `the peer refused the connection: "${printable(reason)}"`);
}
