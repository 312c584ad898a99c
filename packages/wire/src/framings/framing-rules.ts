import { ProvisionerError, channelNames } from '@gateway-provisioners/core';
import type { ChannelName } from '@gateway-provisioners/core';
import type { KernelMessage } from '../kernel-message.ts';

/** Offsets in one frame: far beyond what a client sends, and small enough to be no burden. */
export const MAX_SEGMENTS = 65_536;

export function framingError(framing: 'v1' | 'default', rule: string, cause?: unknown): ProvisionerError {
  const text = `WebSocket message in ${framing} framing: ${rule}`;
  return new ProvisionerError('PROTOCOL_ERROR', text, cause === undefined ? {} : { cause });
}

/** Clients may send on any channel that a kernel has; anything else is an error. */
export function toChannel(framing: 'v1' | 'default', name: string): ChannelName {
  const channel = channelNames.find((known) => known === name);
  if (channel !== undefined) return channel;
  const shown = JSON.stringify(name.slice(0, 32));
  throw framingError(framing, `the channel ${shown} is none of ${channelNames.join(', ')}`);
}

/** A message without a readable header can be neither routed nor answered. Its fields may be missing or empty. */
export function requireHeader(framing: 'v1' | 'default', message: KernelMessage): void {
  if (!message.hasHeader) throw framingError(framing, 'the header is not a JSON object');
}
