import { ProvisionerError, toProvisionerError } from '@gateway-provisioners/core';
import type { ChannelName, Clock } from '@gateway-provisioners/core';
import type { Frames } from './channel-socket.ts';
import type { ChannelCounters } from './kernel-channels-options.ts';
import { KernelMessage } from './kernel-message.ts';
import { splitFrames } from './message-frames.ts';
import type { SignedFrames } from './message-frames.ts';
import type { MessageSigner } from './message-signer.ts';

/** Refused messages closer together than this are one burst, and told once. */
const BURST_GAP_MS = 10_000;

type Refusal = 'badSignatures' | 'replays' | 'malformed';

/** Makes verified messages of frames. What is refused is dropped and counted, and told once per burst. */
export class MessageVerifier {
  readonly counters: { -readonly [name in keyof ChannelCounters]: ChannelCounters[name] } = {
    receivedMessages: 0,
    receivedBytes: 0,
    badSignatures: 0,
    replays: 0,
    malformed: 0,
    undeliverable: 0,
  };
  readonly #clock: Clock;
  readonly #onError: (error: Error) => void;
  readonly #lastRefusal: Partial<Record<Refusal, number>> = {};

  constructor(options: { readonly clock: Clock; readonly onError: (error: Error) => void }) {
    this.#clock = options.clock;
    this.#onError = options.onError;
  }

  /** Undefined when the message is refused. */
  read(channel: ChannelName, frames: Frames, signer: MessageSigner): KernelMessage | undefined {
    for (const frame of frames) this.counters.receivedBytes += frame.length;
    let split: SignedFrames;
    try {
      split = splitFrames(frames);
    } catch (error) {
      this.#refuse('malformed', malformed(channel, toProvisionerError(error).message));
      return undefined;
    }
    const verdict = signer.verify(split.signature, split.parts);
    const message = new KernelMessage({ channel, parts: split.parts, buffers: split.buffers });
    if (verdict === 'bad') this.#refuse('badSignatures', badSignature(channel, 'is not signed with its key'));
    else if (verdict === 'replayed') this.#refuse('replays', badSignature(channel, 'came a second time'));
    else if (!message.hasHeader) this.#refuse('malformed', malformed(channel, 'its header is not a JSON object'));
    else {
      this.counters.receivedMessages += 1;
      return message;
    }
    return undefined;
  }

  #refuse(refusal: Refusal, error: ProvisionerError): void {
    this.counters[refusal] += 1;
    const now = this.#clock.now();
    const last = this.#lastRefusal[refusal];
    this.#lastRefusal[refusal] = now;
    if (last === undefined || now - last >= BURST_GAP_MS) this.#onError(error);
  }
}

function badSignature(channel: ChannelName, what: string): ProvisionerError {
  return new ProvisionerError('BAD_SIGNATURE', `a message of the kernel ${what}; dropped`, {
    coordinates: { channel },
  });
}

function malformed(channel: ChannelName, what: string): ProvisionerError {
  return new ProvisionerError('PROTOCOL_ERROR', `a message of the kernel cannot be read: ${what}; dropped`, {
    coordinates: { channel },
  });
}
