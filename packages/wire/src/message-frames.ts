import { Buffer } from 'node:buffer';
import { ProvisionerError } from '@gateway-provisioners/core';
import type { Frames } from './channel-socket.ts';
import type { KernelMessage, MessageParts } from './kernel-message.ts';

/** Ends the routing ids, or the topic on iopub, and begins the message proper. */
export const DELIMITER: Buffer = Buffer.from('<IDS|MSG>');

/** Signature, header, parent header, metadata, content. */
const MIN_PARTS = 5;

/** A message as it stands on a kernel's socket, its signature not checked yet. */
export interface SignedFrames {
  /** Hex HMAC as ASCII; empty when signing is disabled. */
  readonly signature: Buffer;
  readonly parts: MessageParts;
  readonly buffers: readonly Buffer[];
}

/**
 * Takes the frames of a ZeroMQ message apart: routing ids or topic, delimiter, signature, four JSON parts, buffers.
 * Throws `PROTOCOL_ERROR` without a delimiter or with fewer than five frames after it.
 * Source: Jupyter messaging protocol 5.4, "The wire protocol".
 */
export function splitFrames(frames: Frames): SignedFrames {
  let start = 0;
  while (start < frames.length && frames[start]?.equals(DELIMITER) !== true) start += 1;
  if (start === frames.length) {
    throw new ProvisionerError('PROTOCOL_ERROR', `a message of ${frames.length} frames has no <IDS|MSG> delimiter`);
  }
  const signature = frames[start + 1];
  const header = frames[start + 2];
  const parentHeader = frames[start + 3];
  const metadata = frames[start + 4];
  const content = frames[start + 5];
  if (!signature || !header || !parentHeader || !metadata || !content) {
    const count = frames.length - start - 1;
    throw new ProvisionerError('PROTOCOL_ERROR', `${count} frames follow the delimiter, at least ${MIN_PARTS} must`);
  }
  const buffers = frames.length > start + 6 ? frames.slice(start + 6) : noBuffers;
  return { signature, parts: { header, parentHeader, metadata, content }, buffers };
}

/** The frames to send on a socket that adds the routing id itself. */
export function joinFrames(message: KernelMessage, signature: Buffer): Frames {
  const { header, parentHeader, metadata, content } = message.parts;
  return [DELIMITER, signature, header, parentHeader, metadata, content, ...message.buffers];
}

const noBuffers: readonly Buffer[] = [];
