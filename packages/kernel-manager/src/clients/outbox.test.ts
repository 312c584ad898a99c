import { describe, expect, it } from '@jest/globals';
import { createMessage } from '@gateway-provisioners/wire';
import type { KernelMessage } from '@gateway-provisioners/wire';
import fc from 'fast-check';
import { ENTRY_BYTES, Outbox } from './outbox.ts';

const output = (text: string, parent?: KernelMessage) =>
  createMessage({
    channel: 'iopub',
    msgType: 'stream',
    content: { name: 'stdout', text },
    session: 'k',
    msgId: text,
    parent,
  });
const status = (id: string) =>
  createMessage({ channel: 'iopub', msgType: 'status', content: { execution_state: 'busy' }, session: 'k', msgId: id });
const reply = (id: string) => createMessage({ channel: 'shell', msgType: 'execute_reply', session: 'k', msgId: id });
const request = createMessage({ channel: 'shell', msgType: 'execute_request', session: 'c', msgId: 'cell' });

const takeAll = (outbox: Outbox) => {
  const all: KernelMessage[] = [];
  while (!outbox.isEmpty) all.push(...outbox.take(1e9, 7));
  return all;
};
const markOf = (message: KernelMessage) => message.parseMetadata()['gateway_provisioners'];
const cost = (message: KernelMessage) => message.sizeBytes + ENTRY_BYTES;

describe('Outbox', () => {
  it('gives back what was put in, in order', () => {
    const outbox = new Outbox({ maxBytes: 1e9, maxMessages: Infinity });
    const messages = [output('a'), reply('b'), output('c')];
    for (const message of messages) outbox.push(message);
    expect(takeAll(outbox)).toEqual(messages);
    expect(outbox.queuedBytes).toBe(0);
    expect(outbox.dropped).toEqual({ messages: 0, bytes: 0 });
  });

  it('drops the oldest output, and a marker in its place tells how much, under the cell that lost it', () => {
    const [a, b, c, d] = [output('a', request), output('b', request), output('c'), output('d')];
    const kept = [status('s'), reply('r')];
    const outbox = new Outbox({ maxBytes: [...kept, d].reduce((sum, m) => sum + cost(m), 0), maxMessages: Infinity });
    for (const message of [kept[0]!, a, b, c, kept[1]!, d]) outbox.push(message);
    const seen = takeAll(outbox);
    expect(seen.map(({ header }) => header.msg_type)).toEqual(['status', 'stream', 'execute_reply', 'stream']);
    const bytes = a.sizeBytes + b.sizeBytes + c.sizeBytes;
    expect(markOf(seen[1]!)).toEqual({ dropped_messages: 3, dropped_bytes: bytes });
    expect(seen[1]?.parentHeader.msg_id).toBe('cell');
    expect(seen[1]?.header.session).toBe('k');
    expect(seen[1]?.parseContent()).toMatchObject({ name: 'stderr', text: expect.stringContaining('3 messages') });
    expect(seen[3]).toBe(d);
    expect(outbox.dropped).toEqual({ messages: 3, bytes });
  });

  it('never drops replies, statuses and input requests', () => {
    const outbox = new Outbox({ maxBytes: 1, maxMessages: Infinity });
    const input = createMessage({ channel: 'stdin', msgType: 'input_request', session: 'k' });
    for (const message of [status('1'), reply('2'), input]) outbox.push(message);
    expect(takeAll(outbox)).toHaveLength(3);
  });

  it('drops anything, oldest first, for somebody who is away, into one marker', () => {
    const outbox = new Outbox({ maxBytes: 1e9, maxMessages: 3 });
    for (let n = 0; n < 10; n += 1) {
      outbox.push(reply(`r${String(n)}`));
      outbox.forceBounds();
    }
    const seen = takeAll(outbox);
    expect(markOf(seen[0]!)).toMatchObject({ dropped_messages: 7 });
    expect(seen.slice(1).map(({ header }) => header.msg_id)).toEqual(['r7', 'r8', 'r9']);
  });

  it('stays small behind a client that never reads', () => {
    const outbox = new Outbox({ maxBytes: 100_000, maxMessages: Infinity });
    for (let n = 0; n < 20_000; n += 1) outbox.push(output('x'));
    expect(outbox.queuedBytes).toBeLessThanOrEqual(100_000);
    const seen = takeAll(outbox);
    expect(markOf(seen[0]!)).toMatchObject({ dropped_messages: 20_000 - (seen.length - 1) });
  });

  it('packs what waits long, and unpacks the same bytes', () => {
    const outbox = new Outbox({ maxBytes: 1e9, maxMessages: Infinity, packAboveBytes: 0 });
    const buffers = [Buffer.from([1, 2, 3]), Buffer.alloc(0), Buffer.alloc(700_000, 7)];
    const display = createMessage({
      channel: 'iopub',
      msgType: 'display_data',
      session: 'k',
      parent: request,
      buffers,
    });
    const many = Array.from({ length: 2_000 }, () => Buffer.from('b'));
    const messages = [output('first'), output('ünï', request), reply('r'), display, status('s'), output('last')];
    messages.push(createMessage({ channel: 'iopub', msgType: 'comm_msg', session: 'k', buffers: many }));
    for (const message of messages) outbox.push(message);
    const seen = takeAll(outbox);
    const content = ({ channel, parts, buffers, sizeBytes }: KernelMessage) => {
      const bytes = [parts.header, parts.parentHeader, parts.metadata, parts.content, ...buffers];
      return [channel, sizeBytes, ...bytes.map((part) => part.toString('base64'))];
    };
    expect(seen.map(content)).toEqual(messages.map(content));
    expect(seen[1]).not.toBe(messages[1]);
    expect(outbox.queuedBytes).toBe(0);
  });

  it('tells what it dropped, packed or not', () => {
    for (const packAboveBytes of [0, 5_000, Infinity]) {
      const outbox = new Outbox({ maxBytes: 20_000, maxMessages: Infinity, packAboveBytes });
      const messages = Array.from({ length: 200 }, (_, n) => output('x'.repeat(n), request));
      for (const message of messages) outbox.push(message);
      expect(outbox.queuedBytes).toBeLessThanOrEqual(20_000);
      const [marker, ...rest] = takeAll(outbox);
      const missed = messages.slice(0, messages.length - rest.length);
      const bytes = missed.reduce((sum, message) => sum + message.sizeBytes, 0);
      expect(markOf(marker!)).toEqual({ dropped_messages: missed.length, dropped_bytes: bytes });
      expect(marker?.parentHeader.msg_id).toBe('cell');
      expect(rest.map(({ header }) => header.msg_id)).toEqual(
        messages.slice(missed.length).map(({ header }) => header.msg_id),
      );
    }
  });

  it('keeps count when a marker is given back and dropped in its turn', () => {
    const outbox = new Outbox({ maxBytes: 1, maxMessages: Infinity });
    for (let n = 0; n < 7; n += 1) outbox.push(output('lost', request));
    outbox.unshift(outbox.take(1e9, 9));
    outbox.push(output('lost too'));
    const [marker, ...rest] = takeAll(outbox);
    expect(markOf(marker!)).toEqual({ dropped_messages: 8, dropped_bytes: outbox.dropped.bytes });
    expect(marker?.parentHeader.msg_id).toBe('cell');
    expect(rest).toEqual([]);
    expect(outbox.dropped.messages).toBe(8);
  });

  it('does not copy what could never wait', () => {
    const outbox = new Outbox({ maxBytes: 10_000, maxMessages: Infinity, packAboveBytes: 0 });
    for (const message of [output('a'), output('b'), output('x'.repeat(20_000))]) outbox.push(message);
    expect(outbox.queuedBytes).toBe(0);
    expect(markOf(takeAll(outbox)[0]!)).toMatchObject({ dropped_messages: 3 });
  });

  it('loses nothing without a trace, whatever happens in which order', () => {
    const operation = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('output', 'status', 'reply') },
      { weight: 2, arbitrary: fc.integer({ min: 1, max: 5 }) },
      { weight: 1, arbitrary: fc.constantFrom('force', 'leave and return') },
    );
    const small = fc.integer({ min: 0, max: 20 });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 400 }), small, small, (operations, room, packFrom) => {
        const each = cost(output('0000')) + 8;
        const bounds = { maxBytes: room * each, maxMessages: Infinity, packAboveBytes: packFrom * each };
        const outbox = new Outbox(bounds);
        let next = 0;
        let isForced = false;
        const seen: KernelMessage[] = [];
        for (const what of operations) {
          const id = String(next).padStart(4, '0');
          if (typeof what === 'number') seen.push(...outbox.take(1e9, what));
          else if (what === 'force') {
            outbox.forceBounds();
            isForced = true;
          } else if (what === 'leave and return') {
            outbox.setBounds({ ...bounds, packAboveBytes: undefined });
            const undelivered = outbox.take(1e9, 2);
            outbox.unshift(undelivered);
            outbox.setBounds(bounds);
          } else {
            next += 1;
            outbox.push(what === 'output' ? output(id) : what === 'status' ? status(id) : reply(id));
          }
        }
        seen.push(...takeAll(outbox));
        // Every message is there or counted by the marker at its place.
        let expected = 0;
        for (const message of seen) {
          const mark = markOf(message) as { dropped_messages: number } | undefined;
          if (mark === undefined) {
            if (Number(message.header.msg_id) !== expected) return false;
            expected += 1;
          } else expected += mark.dropped_messages;
        }
        const markers = seen.map(markOf).filter((mark) => mark !== undefined) as { dropped_messages: number }[];
        const dropped = markers.reduce((sum, mark) => sum + mark.dropped_messages, 0);
        return expected === next && dropped === outbox.dropped.messages && (isForced || outbox.keptBytes === 0);
      }),
      {
        numRuns: 500,
        examples: [
          // Two gaps, of which the first was handed out and given back: the second goes on growing.
          [['output', 'status', 'output', 'output', 'output', 'leave and return', 'output', 'output'], 3, 3],
        ],
      },
    );
  });
});
