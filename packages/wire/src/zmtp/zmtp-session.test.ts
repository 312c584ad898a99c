import { describe, expect, test } from '@jest/globals';
import type { Frames } from '../channel-socket.ts';
import { encodeCommand, encodeMetadata } from './command.ts';
import { encodeMessages } from './frame-encoder.ts';
import { encodeGreeting } from './greeting.ts';
import { ZmtpSession } from './zmtp-session.ts';
import type { ZmtpSocketType } from './zmtp-session.ts';

interface Harness {
  readonly session: ZmtpSession;
  readonly messages: Frames[];
  readonly written: () => string;
  readonly isOpen: () => boolean;
}

function open(socketType: ZmtpSocketType = 'DEALER', stepwise = false): Harness {
  const written: Buffer[] = [];
  let opened = false;
  const session = new ZmtpSession({
    socketType,
    identity: Buffer.from('id'),
    maxMessageBytes: 1000,
    stepwise,
    write: (bytes) => written.push(bytes),
    onOpen: () => {
      opened = true;
    },
  });
  session.start();
  return {
    session,
    messages: [],
    written: () => Buffer.concat(written.splice(0)).toString('latin1'),
    isOpen: () => opened,
  };
}

function greeting(changes: Readonly<Record<number, number>> = {}, mechanism = 'NULL'): Buffer {
  const bytes = encodeGreeting();
  bytes.fill(0, 12, 32).write(mechanism, 12, 'latin1');
  for (const [at, value] of Object.entries(changes)) bytes[Number(at)] = value;
  return bytes;
}

function ready(socketType: string): Buffer {
  return encodeCommand('READY', encodeMetadata({ 'Socket-Type': Buffer.from(socketType), Identity: Buffer.alloc(0) }));
}

function refused(peerBytes: Buffer, socketType: ZmtpSocketType = 'DEALER'): { readonly message: string } {
  for (const chunks of [[peerBytes], Array.from(peerBytes, (byte) => Buffer.from([byte]))]) {
    const { session } = open(socketType);
    let error: unknown;
    try {
      for (const chunk of chunks) session.receive(chunk, []);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'PROTOCOL_ERROR' });
    if (chunks.length > 1 && error instanceof Error) return error;
  }
  throw new Error('not refused');
}

describe('handshake', () => {
  test.each([
    ['DEALER', 'ROUTER'],
    ['DEALER', 'DEALER'],
    ['DEALER', 'REP'],
    ['SUB', 'PUB'],
    ['SUB', 'XPUB'],
  ] as const)('%s opens with %s, in any chunks', (ours, theirs) => {
    const bytes = Buffer.concat([greeting(), ready(theirs), ...encodeMessages([[Buffer.from('first')]])]);
    for (let at = 0; at <= bytes.length; at += 1) {
      const { session, messages, isOpen } = open(ours);
      session.receive(bytes.subarray(0, at), messages);
      session.receive(bytes.subarray(at), messages);
      expect(isOpen()).toBe(true);
      expect(messages).toEqual([[Buffer.from('first')]]);
    }
  });

  test("sends the greeting at once, READY with type and identity after the peer's greeting", () => {
    const { session, written } = open();
    expect(written()).toBe(encodeGreeting().toString('latin1'));
    session.receive(greeting(), []);
    expect(written()).toBe('\x04\x2b\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\x02id');
  });

  test("holds back its mechanism when it is to find out the peer's", () => {
    const { session, written } = open('DEALER', true);
    expect(written()).toBe(encodeGreeting().toString('latin1', 0, 12));
    session.receive(greeting().subarray(0, 12), []);
    expect(session.isGreetingCutShort).toBe(true);
    session.receive(greeting().subarray(12), []);
    expect(session.isGreetingCutShort).toBe(false);
    expect(written().startsWith(`${encodeGreeting().toString('latin1', 12)}\x04\x2b\x05READY`)).toBe(true);
  });

  test("a SUB has no identity and subscribes in the way of the peer's version", () => {
    const old = open('SUB');
    old.session.receive(greeting({ 11: 0 }), []);
    old.written();
    old.session.receive(ready('PUB'), []);
    expect(old.written()).toBe('\0\x01\x01');
    const current = open('SUB');
    current.session.receive(greeting(), []);
    expect(current.written()).not.toContain('Identity');
    current.session.receive(ready('XPUB'), []);
    expect(current.written()).toBe('\x04\x0a\x09SUBSCRIBE');
  });

  test('takes property names in any case, other properties, and whatever stands in the padding', () => {
    const { session, isOpen } = open();
    session.receive(greeting({ 8: 1, 32: 1, 40: 7, 10: 4 }), []);
    session.receive(
      encodeCommand('READY', encodeMetadata({ 'socket-TYPE': Buffer.from('ROUTER'), 'X-More': Buffer.alloc(300) })),
      [],
    );
    expect(isOpen()).toBe(true);
  });

  test.each([
    ['an HTTP server', Buffer.from('HTTP/1.1 400 Bad Request\r\n'), 'first byte is 0x48'],
    ['ZMTP 1.0', Buffer.from('ff00000000000000010000', 'hex'), 'ZMTP 1.0'],
    ['ZMTP 2.0', greeting({ 10: 1 }), 'ZMTP 2.0'],
    ['version 0', greeting({ 10: 0 }), 'revision 0'],
    ['CURVE', greeting({}, 'CURVE'), 'wants CURVE, not NULL'],
    ['PLAIN', greeting({}, 'PLAIN'), 'wants PLAIN'],
    ['a mechanism of strange bytes', greeting({}, 'A\x1b[31m"'), 'wants A?[31m\\", not NULL'],
    ['no mechanism', greeting({}, ''), 'not NULL'],
    ['a message instead of READY', Buffer.concat([greeting(), ...encodeMessages([[Buffer.from('x')]])]), 'before the'],
    ['another command than READY', Buffer.concat([greeting(), encodeCommand('HELLO', Buffer.alloc(0))]), 'HELLO'],
    ["a PUB on a DEALER's port", Buffer.concat([greeting(), ready('PUB')]), 'cannot talk to a PUB'],
    ['no socket type', Buffer.concat([greeting(), encodeCommand('READY', Buffer.alloc(0))]), 'lacks the Socket-Type'],
    [
      'metadata cut in a name',
      Buffer.concat([greeting(), encodeCommand('READY', Buffer.from('\x0bSock'))]),
      'malformed',
    ],
    [
      'metadata cut in a value',
      Buffer.concat([greeting(), encodeCommand('READY', Buffer.from('\x01a\0\0\0\x05b'))]),
      'malformed',
    ],
    [
      'metadata with an empty name',
      Buffer.concat([greeting(), encodeCommand('READY', Buffer.from('\0\0\0\0\0'))]),
      'malformed',
    ],
    ['an empty command', Buffer.concat([greeting(), Buffer.from([4, 0])]), 'without a name'],
    ['a command shorter than its name', Buffer.concat([greeting(), Buffer.from([4, 2, 9, 65])]), 'without a name'],
    ['ERROR', Buffer.concat([greeting(), encodeCommand('ERROR', Buffer.from('\x07go away'))]), '"go away"'],
    ['an empty ERROR', Buffer.concat([greeting(), encodeCommand('ERROR', Buffer.alloc(0))]), '""'],
  ])('refuses %s', (_name, bytes, text) => {
    expect(refused(bytes).message).toContain(text);
  });

  test("refuses a ROUTER on the SUB's port", () => {
    expect(refused(Buffer.concat([greeting(), ready('ROUTER')]), 'SUB').message).toContain('ports mixed up');
  });
});

describe('once open', () => {
  function opened(minor = 1): Harness {
    const harness = open();
    harness.session.receive(Buffer.concat([greeting({ 11: minor }), ready('ROUTER')]), []);
    harness.written();
    return harness;
  }

  test('answers PING with its context', () => {
    const { session, written } = opened();
    session.receive(encodeCommand('PING', Buffer.from('\0\x0acontext')), []);
    expect(written()).toBe('\x04\x0c\x04PONGcontext');
    session.receive(encodeCommand('PING', Buffer.from('\0\0')), []);
    expect(written()).toBe('\x04\x05\x04PONG');
  });

  test.each(['', '\0', '\0\0' + 'x'.repeat(17)])('refuses a malformed PING %j', (data) => {
    const { session } = opened();
    expect(() => {
      session.receive(encodeCommand('PING', Buffer.from(data)), []);
    }).toThrow(expect.objectContaining({ code: 'PROTOCOL_ERROR' }));
  });

  test('takes heartbeats in the middle of a message, as libzmq sends them, and nothing else', () => {
    const { session, messages, written } = opened();
    session.receive(Buffer.from([1, 1, 97]), messages);
    session.receive(encodeCommand('PING', Buffer.from('\0\0')), messages);
    session.receive(encodeCommand('PONG', Buffer.alloc(0)), messages);
    session.receive(Buffer.from([0, 1, 98]), messages);
    expect(messages).toEqual([[Buffer.from('a'), Buffer.from('b')]]);
    expect(written()).toContain('PONG');
    session.receive(Buffer.from([1, 1, 97]), messages);
    expect(() => {
      session.receive(encodeCommand('NEWS', Buffer.alloc(0)), messages);
    }).toThrow(expect.objectContaining({ code: 'PROTOCOL_ERROR', message: expect.stringContaining('NEWS') }));
  });

  test('ignores commands that it does not know', () => {
    const { session, messages } = opened();
    session.receive(encodeCommand('SUBSCRIBE', Buffer.from('x')), messages);
    session.receive(encodeCommand('READY', Buffer.alloc(0)), messages);
    session.receive(Buffer.from([0, 0]), messages);
    expect(messages).toEqual([[Buffer.alloc(0)]]);
  });

  test('an ERROR ends it', () => {
    const { session } = opened();
    expect(() => {
      session.receive(encodeCommand('ERROR', Buffer.from('\x03bad')), []);
    }).toThrow('"bad"');
  });

  test('pings peers that know how', () => {
    const current = opened();
    expect(current.session.ping()).toBe(true);
    expect(current.written()).toBe('\x04\x07\x04PING\0\0');
    const old = opened(0);
    expect(old.session.ping()).toBe(false);
    expect(old.written()).toBe('');
    expect(open().session.ping()).toBe(false);
  });
});
