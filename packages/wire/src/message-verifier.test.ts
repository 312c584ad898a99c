import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import { ManualClock } from '@gateway-provisioners/core/testing';
import { createMessage } from './kernel-message.ts';
import { joinFrames } from './message-frames.ts';
import { MessageSigner } from './message-signer.ts';
import { MessageVerifier } from './message-verifier.ts';

function bench() {
  const clock = new ManualClock();
  const told: string[] = [];
  const verifier = new MessageVerifier({
    clock,
    onError: ({ message }) => {
      told.push(message);
    },
  });
  const signer = new MessageSigner('key-1');
  const { parts } = createMessage({ channel: 'iopub', msgType: 'status', session: 's' });
  return { clock, told, verifier, signer, parts };
}

/** A message as a peer that has the key could send it, whatever its parts. */
function signed(signer: MessageSigner, parts: Parameters<MessageSigner['sign']>[0]): Buffer[] {
  const { header, parentHeader, metadata, content } = parts;
  return [Buffer.from('<IDS|MSG>'), signer.sign(parts), header, parentHeader, metadata, content];
}

describe('MessageVerifier', () => {
  test('a signed message is taken, with its buffers, and counted', () => {
    const { verifier, signer, parts, told } = bench();
    const frames = [...signed(signer, parts), Buffer.from('buffer')];
    const message = verifier.read('iopub', frames, new MessageSigner('key-1'));
    expect(message?.header.msg_type).toBe('status');
    expect(message?.buffers).toEqual([Buffer.from('buffer')]);
    const receivedBytes = Buffer.concat(frames).length;
    expect(verifier.counters).toMatchObject({ receivedMessages: 1, receivedBytes, badSignatures: 0 });
    expect(told).toEqual([]);
  });

  test.each([
    ['signed with another key', 'badSignatures', /not signed with its key/, () => new MessageSigner('key-2')],
    ['that came before', 'replays', /a second time/, (signer: MessageSigner) => signer],
  ] as const)('one %s is dropped, counted and told', (...[, counter, words, signerOf]) => {
    const { verifier, signer, parts, told } = bench();
    const frames = signed(signer, parts);
    const reader = signerOf(signer);
    if (counter === 'replays') verifier.read('iopub', frames, reader);
    expect(verifier.read('iopub', frames, reader)).toBeUndefined();
    expect(verifier.counters[counter]).toBe(1);
    expect(told).toEqual([expect.stringMatching(words)]);
  });

  test.each([
    ['without a delimiter', () => [Buffer.from('x')]],
    ['cut off', (frames: readonly Buffer[]) => frames.slice(0, 4)],
    ['of no frames', () => []],
  ] as const)('frames %s are malformed', (_what, change) => {
    const { verifier, signer, parts, told } = bench();
    expect(verifier.read('shell', change(signed(signer, parts)), signer)).toBeUndefined();
    expect(verifier.counters).toMatchObject({ malformed: 1, receivedMessages: 0 });
    expect(told).toEqual([expect.stringMatching(/cannot be read/)]);
  });

  test.each(['[]', '7', '{', ''])('a message whose header is %j is malformed, though it is signed', (header) => {
    const { verifier, signer, parts, told } = bench();
    const frames = signed(signer, { ...parts, header: Buffer.from(header) });
    expect(verifier.read('shell', frames, new MessageSigner('key-1'))).toBeUndefined();
    expect(verifier.counters.malformed).toBe(1);
    expect(told).toEqual([expect.stringMatching(/header is not a JSON object/)]);
  });

  test('a burst is told once, each refusal is counted', async () => {
    const { verifier, signer, clock, told } = bench();
    for (let count = 0; count < 100; count += 1) verifier.read('shell', [], signer);
    expect(verifier.counters.malformed).toBe(100);
    expect(told).toHaveLength(1);
    await clock.advance(10_000);
    verifier.read('shell', [], signer);
    expect(told).toHaveLength(2);
  });

  test('without a key nothing is signed, and what is signed is refused', () => {
    const { verifier, signer, parts } = bench();
    const open = new MessageSigner('');
    const message = createMessage({ channel: 'shell', msgType: 'status', session: 's' });
    expect(verifier.read('shell', joinFrames(message, open.sign(message.parts)), open)).toBeDefined();
    expect(verifier.read('shell', signed(signer, parts), open)).toBeUndefined();
    expect(verifier.counters.badSignatures).toBe(1);
  });
});
