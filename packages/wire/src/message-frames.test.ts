import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { KernelMessage } from './kernel-message.ts';
import { DELIMITER, joinFrames, splitFrames } from './message-frames.ts';

const bytes = fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array));
const frame = bytes.filter((value) => !value.equals(DELIMITER));

describe('message frames', () => {
  test('joined frames are split again, whatever routing ids or topic come first', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 3 }),
        fc.record({ header: bytes, parentHeader: bytes, metadata: bytes, content: bytes }),
        fc.array(bytes, { maxLength: 3 }),
        (prefix, parts, buffers) => {
          const signature = Buffer.from('sig');
          const frames = joinFrames(new KernelMessage({ channel: 'shell', parts, buffers }), signature);
          expect(splitFrames([...prefix, ...frames])).toEqual({ signature, parts, buffers });
        },
      ),
      { numRuns: 300, seed: 6 },
    );
  });

  test('a buffer may look like the delimiter', () => {
    const part = Buffer.from('{}');
    const { buffers } = splitFrames([DELIMITER, part, part, part, part, part, DELIMITER, part]);
    expect(buffers).toEqual([DELIMITER, part]);
  });

  test.each([0, 1, 4])('%i frames after the delimiter are too few', (count) => {
    const frames = [Buffer.from('id'), DELIMITER, ...Array.from({ length: count }, () => Buffer.from('{}'))];
    expect(() => splitFrames(frames)).toThrow(
      expect.objectContaining({
        code: 'PROTOCOL_ERROR',
        message: `${count} frames follow the delimiter, at least 5 must`,
      }),
    );
  });

  test('frames without a delimiter are refused', () => {
    const frames = Array.from({ length: 7 }, () => Buffer.from('<IDS|MSG'));
    expect(() => splitFrames(frames)).toThrow('a message of 7 frames has no <IDS|MSG> delimiter');
  });
});
