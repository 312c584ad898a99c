import { Buffer } from 'node:buffer';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { FakeCommV2 } from '../testing/fake-comm-v2.ts';
import { loadVectors } from '../testing/vectors.ts';
import { MAX_LINE_BYTES, encodeRequest, openBound, parseHello, parseReply } from './comm-messages.ts';
import { LineReader } from './line-reader.ts';

const { comm } = await loadVectors.version2();
const key = Uint8Array.from(Buffer.from(comm.comm_key, 'base64'));
const binding = { kernelId: comm.kernel_id, challenge: comm.challenge, seq: 1 };

/** A launcher's listener that uses the challenge of the vectors, and one connection to it. */
async function talk(line: string): Promise<{ readonly reply: string | undefined; readonly refused: number }> {
  await using launcher = await FakeCommV2.start({ kernelId: comm.kernel_id, key, challenge: comm.challenge });
  const socket: Socket = connect(launcher.port, '127.0.0.1');
  try {
    const lines = new LineReader(socket, { maxBytes: MAX_LINE_BYTES });
    expect(`${String(await lines.next())}\n`).toBe(comm.hello);
    socket.write(line);
    return { reply: await lines.next(), refused: launcher.refused };
  } finally {
    socket.destroy();
  }
}

describe('messages of the comm channel', () => {
  test('the hello carries the challenge', () => {
    expect(parseHello(comm.hello)).toBe(comm.challenge);
    for (const bad of ['', '{}', '{"version":1,"challenge":"x"}', '{"version":2,"challenge":"AAAA"}', 'null']) {
      expect(() => parseHello(bad)).toThrow('hello');
    }
  });

  test.each(comm.requests)('a launcher takes: $name', async ({ line, plaintext }) => {
    expect(openBound(line, { ...binding, to: 'launcher' }, key)).toEqual(JSON.parse(plaintext));
    const { reply } = await talk(line);
    expect(parseReply(String(reply), binding, key).ok).toBe(true);
  });

  test.each(comm.refused_requests)('a launcher closes on: $name', async ({ line }) => {
    expect(await talk(line)).toEqual({ reply: undefined, refused: 1 });
  });

  test.each(comm.bad_requests)('a launcher answers $error to: $name', async ({ line, error }) => {
    expect(parseReply(String((await talk(line)).reply), binding, key)).toMatchObject({ ok: false, error });
  });

  test.each(comm.replies)('a gateway takes: $name', ({ line, plaintext }) => {
    const { to, kernel_id: id, challenge, seq, ...rest } = JSON.parse(plaintext) as Record<string, unknown>;
    expect([to, id, challenge, seq]).toEqual(['gateway', comm.kernel_id, comm.challenge, 1]);
    expect(parseReply(line, binding, key)).toEqual(rest);
  });

  test.each(comm.refused_replies)('a gateway refuses: $name', ({ line }) => {
    expect(() => parseReply(line, binding, key)).toThrow('not authentic');
  });

  test('what this end encodes is what the vectors hold', () => {
    for (const { plaintext } of comm.requests.slice(0, 5)) {
      const { to, kernel_id: id, challenge, seq, ...request } = JSON.parse(plaintext) as Record<string, unknown>;
      const line = encodeRequest(request as Parameters<typeof encodeRequest>[0], binding, key);
      expect(openBound(line, { ...binding, to: 'launcher' }, key)).toEqual({
        to,
        kernel_id: id,
        challenge,
        seq,
        ...request,
      });
    }
  });

  test('a request that was recorded is refused when it is sent again', async () => {
    const { line } = comm.requests[0]!;
    await using launcher = await FakeCommV2.start({ kernelId: comm.kernel_id, key, challenge: comm.challenge });
    const socket = connect(launcher.port, '127.0.0.1');
    const lines = new LineReader(socket, { maxBytes: MAX_LINE_BYTES });
    await lines.next();
    socket.write(line + line);
    expect(await lines.next()).toBeDefined();
    expect(await lines.next()).toBeUndefined();
    expect([launcher.requests.length, launcher.refused]).toEqual([1, 1]);
    socket.destroy();
    // On another connection, with a challenge of its own, as real launchers have it.
    await using next = await FakeCommV2.start({ kernelId: comm.kernel_id, key });
    const again = connect(next.port, '127.0.0.1');
    const nextLines = new LineReader(again, { maxBytes: MAX_LINE_BYTES });
    await nextLines.next();
    again.write(line);
    expect(await nextLines.next()).toBeUndefined();
    expect([next.requests.length, next.refused]).toEqual([0, 1]);
    again.destroy();
  });
});
