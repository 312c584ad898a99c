import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import { KernelMessage, createMessage } from './kernel-message.ts';

const empty = Buffer.from('{}');

function withHeader(header: string, parentHeader = '{}'): KernelMessage {
  return new KernelMessage({
    channel: 'shell',
    parts: { header: Buffer.from(header), parentHeader: Buffer.from(parentHeader), metadata: empty, content: empty },
  });
}

describe('KernelMessage', () => {
  test('fields that are missing or of a strange type read as text', () => {
    expect(withHeader('{"msg_id":"a","msg_type":null,"session":{},"date":1700000000.5}').header).toEqual({
      msg_id: 'a',
      msg_type: '',
      session: '',
      username: '',
      date: '1700000000.5',
      version: '',
    });
  });

  test.each(['', '[]', 'null', '"x"', '{'])('a header %j is no header and reads as empty', (header) => {
    const message = withHeader(header, header);
    expect(message.hasHeader).toBe(false);
    expect(message.header.msg_id).toBe('');
    expect(message.parentHeader).toEqual({});
  });

  test('a parent header has the fields that are there', () => {
    expect(withHeader('{}', '{"msg_id":"p","session":7}').parentHeader).toEqual({ msg_id: 'p' });
    expect(withHeader('{}', '{"msg_type":"t","session":"s"}').parentHeader).toEqual({ msg_type: 't', session: 's' });
    expect(withHeader('{}').hasHeader).toBe(true);
  });

  test('content and metadata are parsed on request, and say what is wrong with them', () => {
    const parts = { ...withHeader('{}').parts, content: Buffer.from('{"a":1}'), metadata: Buffer.from('[1]') };
    const message = new KernelMessage({ channel: 'iopub', parts });
    expect(message.parseContent()).toEqual({ a: 1 });
    expect(() => message.parseMetadata()).toThrow(
      expect.objectContaining({ code: 'PROTOCOL_ERROR', message: 'the metadata of the message is not a JSON object' }),
    );
    const broken = new KernelMessage({ channel: 'iopub', parts: { ...parts, content: Buffer.from('{') } });
    expect(() => broken.parseContent()).toThrow(/^the content of the message is not JSON: /);
  });

  test('the size is that of parts and buffers', () => {
    const { parts } = withHeader('{"a":1}');
    expect(new KernelMessage({ channel: 'shell', parts, buffers: [Buffer.alloc(10)] }).sizeBytes).toBe(7 + 6 + 10);
  });
});

describe('createMessage', () => {
  test('makes a complete message', () => {
    const message = createMessage({ channel: 'control', msgType: 'interrupt_request', session: 's', username: 'u' });
    expect(message.header).toEqual({
      msg_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      msg_type: 'interrupt_request',
      session: 's',
      username: 'u',
      date: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      version: '5.4',
    });
    expect(message.parts).toMatchObject({ parentHeader: empty, metadata: empty, content: empty });
    expect(message.buffers).toEqual([]);
  });

  test('an answer carries the header of its parent, byte for byte', () => {
    const parent = withHeader('{"msg_id":"p", "subshell_id":null,"n":12345678901234567890}');
    const answer = createMessage({
      channel: 'shell',
      msgType: 'execute_reply',
      session: 's',
      msgId: 'm',
      parent,
      content: { status: 'ok' },
      metadata: { started: '2024' },
      buffers: [Buffer.from('b')],
    });
    expect(answer.parts.parentHeader).toBe(parent.parts.header);
    expect(answer.header.msg_id).toBe('m');
    expect([answer.parseContent(), answer.parseMetadata()]).toEqual([{ status: 'ok' }, { started: '2024' }]);
    expect(answer.buffers).toEqual([Buffer.from('b')]);
  });
});
