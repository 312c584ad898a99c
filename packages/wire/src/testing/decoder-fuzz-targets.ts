import { Buffer } from 'node:buffer';
import { channelNames } from '@gateway-provisioners/core';
import { fuzzTarget, mutateBytes } from '@gateway-provisioners/core/testing';
import type { FuzzTarget, SeededRandom } from '@gateway-provisioners/core/testing';
import { parseConnectionInfo } from '../connection-info.ts';
import { defaultFraming } from '../framings/default-framing.ts';
import { scanJsonObject } from '../framings/json-scanner.ts';
import { v1Framing } from '../framings/v1-framing.ts';
import type { WebSocketFraming } from '../framings/websocket-framing.ts';
import { KernelMessage } from '../kernel-message.ts';
import { joinFrames, splitFrames } from '../message-frames.ts';

/** The decoders of this package that read what a client, a kernel or a launcher sent. */
export const decoderFuzzTargets: readonly FuzzTarget[] = [
  fuzzTarget('message-frames', 'PROTOCOL_ERROR', tryFrames),
  fuzzTarget('v1-framing', 'PROTOCOL_ERROR', (random) => tryFraming(v1Framing, random)),
  fuzzTarget('default-framing-text', 'PROTOCOL_ERROR', tryDefaultText),
  fuzzTarget('default-framing-binary', 'PROTOCOL_ERROR', (random) => tryFraming(defaultFraming, random)),
  fuzzTarget('json-scanner', 'PROTOCOL_ERROR', tryScanner),
  fuzzTarget('connection-info', 'INVALID_CONNECTION_INFO', tryConnectionInfo),
];

function check(holds: boolean, promise: string, input: Buffer): void {
  if (!holds) throw new Error(`${promise}; input in base64: ${input.toString('base64')}`);
}

function sampleMessage(random: SeededRandom): KernelMessage {
  return new KernelMessage({
    channel: random.pick(channelNames),
    parts: {
      header: Buffer.from(`{"msg_id":"m${random.below(10)}","msg_type":"status","session":"s","date":1.5}`),
      parentHeader: Buffer.from(random.pick(['{}', '{"msg_id":"p"}', '{"msg_id":7}'])),
      metadata: Buffer.from(random.pick(['{}', '{"a":[1,{"b":null}]}'])),
      content: Buffer.from(random.pick(['{}', '{"n":12345678901234567890}', '{"t":"\\ud800 \\u00e9 é"}'])),
    },
    buffers: Array.from({ length: random.below(4) }, () => random.bytes(random.below(16))),
  });
}

function sameMessage(left: KernelMessage, right: KernelMessage): boolean {
  return (
    left.channel === right.channel &&
    left.parts.header.equals(right.parts.header) &&
    left.parts.parentHeader.equals(right.parts.parentHeader) &&
    left.parts.metadata.equals(right.parts.metadata) &&
    left.parts.content.equals(right.parts.content) &&
    left.buffers.length === right.buffers.length &&
    left.buffers.every((buffer, index) => right.buffers[index]?.equals(buffer) === true)
  );
}

function tryFrames(random: SeededRandom): boolean {
  const frames = [
    ...Array.from({ length: random.below(3) }, () => random.bytes(random.below(6))),
    ...joinFrames(sampleMessage(random), random.bytes(random.below(3))),
  ];
  const at = random.below(frames.length);
  const changed = random.pick([
    () => frames.toSpliced(at, 1),
    () => frames.slice(0, at),
    () => frames.with(at, mutateBytes(frames[at] ?? Buffer.alloc(0), random)),
  ])();
  const input = Buffer.concat(changed);
  const { parts, signature, buffers } = splitFrames(changed);
  const message = new KernelMessage({ channel: 'shell', parts, buffers });
  const rejoined = joinFrames(message, signature);
  const tail = changed.slice(-rejoined.length);
  check(
    rejoined.every((frame, index) => tail[index]?.equals(frame) === true),
    'split and joined frames differ',
    input,
  );
  return true;
}

function tryFraming(framing: WebSocketFraming, random: SeededRandom): boolean {
  let message = sampleMessage(random);
  if (framing.name === 'default' && message.buffers.length === 0) {
    message = new KernelMessage({ channel: message.channel, parts: message.parts, buffers: [Buffer.from('b')] });
  }
  const input = mutateBytes(Buffer.concat(framing.encodeFrame(message).chunks), random);
  checkRoundTrip(framing, input, framing.decode(input));
  return true;
}

function tryDefaultText(random: SeededRandom): boolean {
  const { channel, parts } = sampleMessage(random);
  const text = mutateBytes(
    Buffer.from(defaultFraming.encode(new KernelMessage({ channel, parts }))),
    random,
  ).toString();
  checkRoundTrip(defaultFraming, Buffer.from(text), defaultFraming.decode(text));
  return true;
}

function checkRoundTrip(framing: WebSocketFraming, input: Buffer, message: KernelMessage): void {
  check(message.sizeBytes <= input.length + 6, 'a message is larger than what it was read from', input);
  check(message.hasHeader, 'a message without a header was accepted', input);
  check(sameMessage(message, framing.decode(framing.encode(message))), 'encoded and decoded messages differ', input);
}

const SCANNED = new Set(['a', 'content', '\ud800']);
const JSON_SAMPLES = [
  '{"a":[1,-0.5e+10,true,false,null,"x\\"\\\\\\/\\b\\f\\n\\r\\t\\u12aF"],"content":{"b":{}, "c":[[],[ ]]}}',
  ' {\n"a" : {"a":"\\ud800"},\t"a":1E5,"\\u0061":0,"content":"é\u2028" }\r',
  '{"content":-0,"a":[{"x":[{"y":[0.0]}]}],"\\ud800":""}',
].map((text) => Buffer.from(text));

function tryScanner(random: SeededRandom): boolean {
  const text = mutateBytes(random.pick(JSON_SAMPLES), random).toString();
  const input = Buffer.from(text);
  const expected = parseObject(text);
  let members: ReadonlyMap<string, Buffer> | undefined;
  try {
    members = scanJsonObject(input, SCANNED);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  check((members === undefined) === (expected === undefined), 'scanner and JSON.parse disagree', input);
  for (const key of SCANNED) {
    const scanned = members?.get(key)?.toString();
    const value = expected?.[key];
    check(scanned === undefined ? value === undefined : same(JSON.parse(scanned), value), `"${key}" differs`, input);
  }
  return members !== undefined;
}

function same(left: unknown, right: unknown): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return text.trimStart().startsWith('{') && value instanceof Object
      ? Object.fromEntries(Object.entries(value))
      : undefined;
  } catch {
    return undefined;
  }
}

const CONNECTION_SAMPLE = {
  transport: 'tcp',
  ip: '127.0.0.1',
  shell_port: 1,
  iopub_port: 2,
  stdin_port: 3,
  control_port: 4,
  hb_port: 65535,
  key: 'k',
  signature_scheme: 'hmac-sha256',
  kernel_name: 'python3',
  curve_publickey: 'a'.repeat(40),
  curve_secretkey: 'b'.repeat(40),
};
const ODD_VALUES: readonly unknown[] = [
  undefined,
  null,
  '',
  '7',
  7,
  -1,
  0.5,
  65536,
  1e300,
  [],
  {},
  true,
  'ipc',
  '[::1]',
  'a b',
  'a\0',
  Buffer.from('key'),
  'c'.repeat(40),
  'c'.repeat(41),
];

function tryConnectionInfo(random: SeededRandom): boolean {
  const value: Record<string, unknown> = { ...CONNECTION_SAMPLE };
  const keys = Object.keys(CONNECTION_SAMPLE);
  for (let count = random.below(4); count > 0; count -= 1)
    value[random.pick(keys)] = ODD_VALUES[random.below(ODD_VALUES.length)];
  const info = parseConnectionInfo(value);
  const input = Buffer.from(JSON.stringify(value));
  check(same(parseConnectionInfo(JSON.parse(JSON.stringify(info))), info), 'connection info read twice differs', input);
  check(info.shell_port >= 1 && info.shell_port <= 65_535, 'a port is out of range', input);
  check((info.curve_publickey === undefined) === (info.curve_secretkey === undefined), 'a lone curve key', input);
  return true;
}
