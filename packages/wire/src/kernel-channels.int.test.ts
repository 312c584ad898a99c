import { afterEach, describe, expect, test } from '@jest/globals';
import { ResourceStack } from '@gateway-provisioners/core';
import type { JsonObject } from '@gateway-provisioners/core';
import { parseConnectionInfo } from './connection-info.ts';
import { defaultFraming } from './framings/default-framing.ts';
import { v1Framing } from './framings/v1-framing.ts';
import { createMessage } from './kernel-message.ts';
import type { KernelMessage } from './kernel-message.ts';
import { PythonKernel } from './testing/python-kernel.ts';
import type { PythonKernelOptions } from './testing/python-kernel.ts';
import { RoutedRecorder } from './testing/routed-recorder.ts';
import { resolveTransportEncryption } from './transport-encryption.ts';

let stack = new ResourceStack();
afterEach(async () => {
  await stack[Symbol.asyncDispose]();
  stack = new ResourceStack();
});

const patience = { timeoutMs: 60_000 };

async function ready(
  options: PythonKernelOptions,
  channels?: ConstructorParameters<typeof RoutedRecorder>[1],
): Promise<RoutedRecorder> {
  const kernel = stack.use(await PythonKernel.start(options));
  const recorder = stack.use(new RoutedRecorder(kernel.connection, channels));
  await recorder.channels.open(patience);
  const info = createMessage({ channel: 'shell', msgType: 'kernel_info_request', session: 'gateway' });
  const reply = await recorder.channels.request(info, patience);
  expect(reply.parseContent()).toMatchObject({ status: 'ok', implementation: 'ipython' });
  return recorder;
}

function execute(code: string, options: { session?: string; content?: JsonObject } = {}): KernelMessage {
  const content = { code, silent: false, store_history: true, allow_stdin: true, ...options.content };
  return createMessage({ channel: 'shell', msgType: 'execute_request', session: options.session ?? '', content });
}

/** Sends and waits for the last message that belongs to the request. */
async function run(recorder: RoutedRecorder, request: KernelMessage, clientKey: string): Promise<KernelMessage[]> {
  const own: KernelMessage[] = [];
  let seen = recorder.routed.length;
  let isReplied = false;
  let isIdle = false;
  recorder.channels.send(request, clientKey);
  await recorder.until('reply and idle', () => {
    // Each message is looked at once: a slow reader makes the kernel drop output.
    for (const { message } of recorder.routed.slice(seen)) {
      seen += 1;
      if (message.parentHeader.msg_id !== request.header.msg_id) continue;
      own.push(message);
      const { msg_type: msgType } = message.header;
      isReplied ||= msgType === 'execute_reply';
      isIdle ||= msgType === 'status' && message.parseContent()['execution_state'] === 'idle';
    }
    return isReplied && isIdle;
  });
  return own;
}

function printed(messages: readonly KernelMessage[]): string {
  return (
    messages
      // What the kernel prints while it starts has no parent.
      .filter((message) => message.header.msg_type === 'stream' && message.parentHeader.msg_id !== undefined)
      .map((message) => String(message.parseContent()['text']))
      .join('')
  );
}

describe.each([
  { engine: 'zmtp', transport: 'tcp' },
  { engine: 'zmtp', transport: 'ipc' },
  { engine: 'zeromq', transport: 'tcp' },
  { engine: 'zeromq', transport: 'ipc' },
] as const)('ipykernel with $engine over $transport', ({ engine, transport }) => {
  test('runs code; the first output of a fresh connection is not lost; nothing of our handshake reaches clients', async () => {
    const recorder = await ready({ transport }, { engine });
    const messages = await run(recorder, execute('print("hällo")\n1 + 1'), 'a');
    expect(printed(messages)).toBe('hällo\n');
    expect(messages.filter((message) => message.channel === 'iopub').map((message) => message.header.msg_type)).toEqual(
      ['status', 'execute_input', 'stream', 'execute_result', 'status'],
    );
    const own = messages[0]?.parentHeader.msg_id;
    const parents = recorder.routed
      .filter(({ route }) => route.to !== 'nobody')
      .map(({ message }) => message.parentHeader);
    // What the kernel says about itself while it starts has no parent.
    expect(new Set(parents.map((parent) => parent.msg_id))).toEqual(new Set([undefined, own]));
    expect(recorder.channels.counters).toMatchObject({ badSignatures: 0, replays: 0, malformed: 0, undeliverable: 0 });
    expect(recorder.errors).toEqual([]);
  });

  test('input() of two sessions: each is asked and each gets its own answer; control answers meanwhile', async () => {
    const recorder = await ready({ transport }, { engine });
    const requests = ['one', 'two'].map((session) => execute(`print(input("${session}?"))`, { session }));
    for (const request of requests) recorder.channels.send(request, `key-${request.header.session}`);
    for (const [index, request] of requests.entries()) {
      const { session } = request.header;
      await recorder.until(
        'a question',
        () => recorder.lines.filter((line) => line.startsWith('stdin')).length > index,
      );
      const control = createMessage({ channel: 'control', msgType: 'kernel_info_request', session: 'gateway' });
      expect((await recorder.channels.request(control, patience)).channel).toBe('control');
      const answer = {
        channel: 'stdin',
        msgType: 'input_reply',
        session,
        content: { value: `of ${session}` },
      } as const;
      recorder.channels.send(createMessage(answer), `key-${session}`);
      await recorder.until('the reply', () => recorder.lines.includes(`shell execute_reply → key-${session}`));
    }
    expect(recorder.lines.filter((line) => line.startsWith('stdin'))).toEqual([
      'stdin input_request → key-one',
      'stdin input_request → key-two',
    ]);
    await recorder.until(
      'the output',
      () => printed(recorder.routed.map(({ message }) => message)) === 'of one\nof two\n',
    );
  });

  test('a flood arrives whole and in order', async () => {
    const recorder = await ready({ transport }, { engine });
    // Below the 1,000 at which a kernel's own socket drops when this process does not get to run.
    const count = 900;
    const code = `import sys\nfor i in range(${count}):\n    print(i)\n    sys.stdout.flush()`;
    const messages = await run(recorder, execute(code), 'a');
    const lines = printed(messages).trimEnd().split('\n').map(Number);
    // The first that is out of place, rather than all lines of difference.
    expect(lines.findIndex((line, index) => line !== index)).toBe(-1);
    expect(lines.length).toBe(count);
  });
});

test('comm buffers and numbers beyond 2^53 pass through both framings', async () => {
  const recorder = await ready({});
  const code = `
from comm import create_comm
from IPython.display import publish_display_data
create_comm(target_name='t', buffers=[bytes(range(256)), b''])
publish_display_data({'application/json': {'n': 12345678901234567890}})`;
  const messages = await run(recorder, execute(code), 'a');
  const comm = messages.find((message) => message.header.msg_type === 'comm_open');
  expect(comm?.buffers.map((buffer) => buffer.toString('hex'))).toEqual([
    Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0')).join(''),
    '',
  ]);
  const display = messages.find((message) => message.header.msg_type === 'display_data');
  expect(display?.parts.content.toString()).toContain('12345678901234567890');
  for (const framing of [v1Framing, defaultFraming]) {
    for (const message of [comm, display]) {
      if (message === undefined) throw new Error('a message is missing');
      const decoded = framing.decode(framing.encode(message));
      expect(decoded.parts).toEqual(message.parts);
      expect(decoded.buffers).toEqual(message.buffers);
    }
  }
});

test('interrupting by message while code runs', async () => {
  const recorder = await ready({});
  const request = execute('import time\nprint("on")\ntime.sleep(60)');
  recorder.channels.send(request, 'a');
  await recorder.until('output', () => printed(recorder.routed.map(({ message }) => message)).endsWith('on\n'));
  const interrupt = createMessage({ channel: 'control', msgType: 'interrupt_request', session: 'gateway' });
  const reply = await recorder.channels.request(interrupt, patience);
  expect(reply.parseContent()).toMatchObject({ status: 'ok' });
  await recorder.until('the reply', () => recorder.lines.includes('shell execute_reply → a'));
  const answer = recorder.routed.find(({ message }) => message.header.msg_type === 'execute_reply')?.message;
  expect(answer?.parseContent()).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });
});

describe('transport encryption required', () => {
  test.each(['tcp', 'ipc'] as const)(
    'over %s: with the keys it works, without them nothing answers',
    async (transport) => {
      const decision = resolveTransportEncryption({ policy: 'required', supported: ['curve'] });
      const recorder = await ready({ transport, curve: decision.encrypt });
      expect(printed(await run(recorder, execute('print("secret")'), 'a'))).toBe('secret\n');
      const { info } = recorder.connection.current;
      const plain = parseConnectionInfo({ ...info, curve_publickey: undefined, curve_secretkey: undefined });
      for (const engine of ['zmtp', 'zeromq'] as const) {
        const stranger = stack.use(new RoutedRecorder(plain, { engine }));
        await expect(stranger.channels.open({ timeoutMs: 1_000 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
        // It is told why; where this process stood still for that second, after it.
        await stranger.until(`an error of ${engine}`, () => stranger.errors.length > 0);
      }
    },
  );
});
