import { isProvisionerError } from '@gateway-provisioners/core';
import { fuzzTarget, mutateBytes } from '@gateway-provisioners/core/testing';
import type { FuzzTarget, SeededRandom } from '@gateway-provisioners/core/testing';
import type { Frames } from '../channel-socket.ts';
import { encodeCommand, encodeMetadata } from '../zmtp/command.ts';
import { FrameDecoder } from '../zmtp/frame-decoder.ts';
import { encodeMessages } from '../zmtp/frame-encoder.ts';
import { encodeGreeting } from '../zmtp/greeting.ts';
import { ZmtpSession } from '../zmtp/zmtp-session.ts';

const MAX_MESSAGE_BYTES = 20_000;

/** What became of a byte stream; the same stream has the same outcome however it is cut. */
export interface ZmtpOutcome {
  readonly messages: readonly Frames[];
  /** Commands (decoder) or bytes written (session), in order. */
  readonly effects: readonly Buffer[];
  /** Code and message of the error that ended it. */
  readonly error: string | undefined;
}

/** The ZMTP decoder and the session around it: what a kernel, or whoever listens on its port, may send. */
export const zmtpFuzzTargets: readonly FuzzTarget[] = [
  zmtpTarget('zmtp-decoder', decodeTraffic, traffic),
  zmtpTarget('zmtp-session', runSession, conversation),
];

/** Cuts a stream of frames; the handshake is over. */
export function decodeTraffic(chunks: readonly Buffer[]): ZmtpOutcome {
  const effects: Buffer[] = [];
  const decoder = new FrameDecoder({
    maxMessageBytes: MAX_MESSAGE_BYTES,
    onCommand: (body) => effects.push(Buffer.from(body)),
  });
  decoder.acceptMessages = true;
  return outcome(chunks, effects, (chunk, out) => {
    decoder.decode(chunk, out);
  });
}

/** A whole conversation of a DEALER, from the greeting on. */
export function runSession(chunks: readonly Buffer[]): ZmtpOutcome {
  const effects: Buffer[] = [];
  const session = new ZmtpSession({
    socketType: 'DEALER',
    identity: Buffer.from('fuzz'),
    maxMessageBytes: MAX_MESSAGE_BYTES,
    stepwise: false,
    write: (bytes) => effects.push(bytes),
    onOpen: () => effects.push(Buffer.from('open')),
  });
  session.start();
  return outcome(chunks, effects, (chunk, out) => {
    session.receive(chunk, out);
  });
}

type Make = (random: SeededRandom) => { readonly bytes: Buffer; readonly messages: readonly Frames[] };

function zmtpTarget(name: string, decode: (chunks: readonly Buffer[]) => ZmtpOutcome, make: Make): FuzzTarget {
  return fuzzTarget(name, 'PROTOCOL_ERROR', (random) => {
    const { bytes, messages } = make(random);
    const isIntact = random.below(4) === 0;
    const input = isIntact ? bytes : mutateBytes(bytes, random);
    const fail = (promise: string): never => {
      throw new Error(`${promise}; in base64: ${input.toString('base64')}`);
    };
    const whole = decode([input]);
    const cut = decode(cutAnywhere(input, random));
    if (describe(whole) !== describe(cut)) fail('the outcome depends on the chunks');
    if (isIntact && describeMessages(whole.messages) !== describeMessages(messages)) fail('a message changed');
    if (whole.messages.some((frames) => sizeOf(frames) > MAX_MESSAGE_BYTES)) fail('beyond maxMessageBytes');
    return whole.error === undefined;
  });
}

function outcome(
  chunks: readonly Buffer[],
  effects: readonly Buffer[],
  take: (chunk: Buffer, out: Frames[]) => void,
): ZmtpOutcome {
  const messages: Frames[] = [];
  try {
    for (const chunk of chunks) take(chunk, messages);
  } catch (error) {
    const expected = isProvisionerError(error, 'PROTOCOL_ERROR') || isProvisionerError(error, 'MESSAGE_TOO_LARGE');
    if (!expected) {
      const input = Buffer.concat(chunks).toString('base64');
      throw new Error(`neither accepted nor refused: ${String(error)}; in base64: ${input}`, { cause: error });
    }
    return { messages, effects, error: `${error.code}: ${error.message}` };
  }
  return { messages, effects, error: undefined };
}

function traffic(random: SeededRandom): { bytes: Buffer; messages: Frames[] } {
  const messages: Frames[] = [];
  const parts: Buffer[] = [];
  for (let count = random.below(6); count > 0; count -= 1) {
    if (random.below(4) === 0) {
      parts.push(encodeCommand(random.pick(['PING', 'PONG', 'NEWS']), Buffer.alloc(2 + random.below(15))));
    } else {
      const message = Array.from({ length: 1 + random.below(8) }, () => randomFrame(random));
      messages.push(message);
      parts.push(...encodeMessages([message]));
    }
  }
  return { bytes: Buffer.concat(parts), messages };
}

function conversation(random: SeededRandom): { bytes: Buffer; messages: Frames[] } {
  const { bytes, messages } = traffic(random);
  const ready = encodeMetadata({
    'Socket-Type': Buffer.from(random.pick(['ROUTER', 'DEALER', 'REP'])),
    ...(random.below(2) === 0 ? { Identity: random.bytes(random.below(20)) } : {}),
  });
  return { bytes: Buffer.concat([encodeGreeting(), encodeCommand('READY', ready), bytes]), messages };
}

function randomFrame(random: SeededRandom): Buffer {
  switch (random.below(6)) {
    case 0:
      return Buffer.alloc(250 + random.below(10), random.below(256));
    case 1:
      return Buffer.alloc(0);
    default:
      return random.bytes(random.below(40));
  }
}

function cutAnywhere(input: Buffer, random: SeededRandom): Buffer[] {
  const chunks: Buffer[] = [];
  const most = random.pick([1, 2, 9, 100, 1000]);
  for (let at = 0; at < input.length;) {
    const end = at + 1 + random.below(most);
    chunks.push(input.subarray(at, end));
    at = end;
  }
  return chunks;
}

function describe(result: ZmtpOutcome): string {
  const effects = result.effects.map((bytes) => bytes.toString('base64')).join();
  return `${describeMessages(result.messages)} ${effects} ${result.error ?? ''}`;
}

function describeMessages(messages: readonly Frames[]): string {
  return messages.map((frames) => frames.map((frame) => frame.toString('base64')).join()).join(';');
}

function sizeOf(frames: Frames): number {
  return frames.reduce((total, frame) => total + frame.length, 0);
}
