import type { Buffer } from 'node:buffer';
import type { EncodedFrame, KernelMessage } from '../kernel-message.ts';

/** One of the two ways in which Jupyter puts kernel messages into WebSocket messages. */
export interface WebSocketFraming {
  readonly name: 'v1' | 'default';
  /** Text for a text message, a buffer for a binary one. */
  encode(message: KernelMessage): Buffer | string;
  /**
   * The same as bytes, made once per message and shared by all clients: cheaper to send to many than text, which each
   * send would have to encode again. `isText` says which kind of WebSocket message it is.
   */
  encodeFrame(message: KernelMessage): EncodedFrame;
  /**
   * Reads what a client sent: text of a text message, a buffer of a binary one. The message may share the memory of
   * `data`. Throws `PROTOCOL_ERROR` that names the broken rule.
   */
  decode(data: Buffer | string): KernelMessage;
}
