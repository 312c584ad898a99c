import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  KernelAPI,
  KernelManager,
  KernelSpecAPI,
  ServerConnection,
  SessionAPI,
  SessionManager,
} from '@jupyterlab/services';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { gatewayUnderTest } from '../support/gateway-under-test.ts';
import { suiteServer } from '../support/suite-server.ts';
import { openTcpRelay } from '../support/tcp-relay.ts';
import { until } from '../support/until.ts';
import { openRawClient } from './raw-client.ts';
import { createServicesClient, disposeManager, executeCode, isMessage, streamText } from './services-client.ts';
import type { FramingName, ServicesClient } from './services-client.ts';

const server = suiteServer(() => gatewayUnderTest());

beforeAll(() => {
  // The library tells the console of every connection.
  jest.spyOn(console, 'debug').mockImplementation(() => undefined);
  jest.spyOn(console, 'warn').mockImplementation(() => undefined);
});

describe.each<FramingName>(['v1', 'default'])('@jupyterlab/services in the %s framing', (framing) => {
  let client: ServicesClient;
  let kernels: KernelManager;

  beforeEach(() => {
    client = createServicesClient({ server: server.current, framing });
    kernels = new KernelManager({ serverSettings: client.settings });
  });

  afterEach(async () => {
    await kernels.shutdownAll();
    await disposeManager(kernels);
  });

  const start = async (name = 'python3'): Promise<Kernel.IKernelConnection> => {
    const kernel = await kernels.startNew({ name });
    await kernel.info;
    return kernel;
  };

  test('the framing is the one that was asked for', async () => {
    const kernel = await start();
    expect(kernel.connectionStatus).toBe('connected');
    expect(client.sockets.map((socket) => socket.protocol)).toEqual([
      framing === 'v1' ? 'v1.kernel.websocket.jupyter.org' : '',
    ]);
  });

  test('kernelspecs are listed with what a launcher shows', async () => {
    const specs = await KernelSpecAPI.getSpecs(client.settings);
    expect(specs.kernelspecs['python3']).toMatchObject({
      name: 'python3',
      language: 'python',
      display_name: 'Python 3 (ipykernel)',
    });
    const logo = specs.kernelspecs['python3']?.resources['logo-64x64'];
    const image = await server.current.request(new URL(logo ?? '', server.current.url).href);
    expect(image.status).toBe(200);
    const signature = Buffer.from(await image.arrayBuffer()).subarray(1, 4);
    expect(signature.toString('latin1')).toBe('PNG');
  });

  test('a cell gives streams, a display and a result, in order, then its reply', async () => {
    const kernel = await start();
    const { reply, messages } = await executeCode(
      kernel,
      `import sys
from IPython.display import display, HTML
print('out: é 漢 🙂', flush=True)
print('err', file=sys.stderr, flush=True)
display(HTML('<b>x</b>'))
6 * 7`,
    );
    expect(reply.content).toMatchObject({ status: 'ok', execution_count: 1 });
    expect(messages.map((message) => message.header.msg_type)).toEqual([
      'status',
      'execute_input',
      'stream',
      'stream',
      'display_data',
      'execute_result',
      'status',
    ]);
    expect(streamText(messages)).toBe('out: é 漢 🙂\n');
    expect(streamText(messages, 'stderr')).toBe('err\n');
    expect(messages.find((message) => isMessage(message, 'display_data'))?.content.data).toMatchObject({
      'text/html': '<b>x</b>',
    });
    expect(messages.find((message) => isMessage(message, 'execute_result'))?.content.data).toEqual({
      'text/plain': '42',
    });
  });

  test('completion and inspection are answered', async () => {
    const kernel = await start();
    const completion = await kernel.requestComplete({ code: 'impor', cursor_pos: 5 });
    expect(completion.content).toMatchObject({ status: 'ok', matches: ['import'] });
    const inspection = await kernel.requestInspect({ code: 'len', cursor_pos: 3, detail_level: 0 });
    expect(inspection.content).toMatchObject({ status: 'ok', found: true });
  });

  test('an exception comes as an error message and in the reply, and what was queued is aborted', async () => {
    const kernel = await start();
    const failing = executeCode(kernel, `1 / 0`, { stopOnError: true });
    const queued = executeCode(kernel, `print('never')`);
    const { reply, messages } = await failing;
    expect(reply.content).toMatchObject({ status: 'error', ename: 'ZeroDivisionError', evalue: 'division by zero' });
    const error = messages.find((message) => isMessage(message, 'error'));
    expect(error?.content.traceback.join('\n')).toContain('ZeroDivisionError');
    expect((await queued).reply.content.status).toBe('aborted');
    expect((await executeCode(kernel, `print('after')`)).reply.content.status).toBe('ok');
  });

  test('input() asks this client and gets its answer', async () => {
    const kernel = await start();
    const prompts: string[] = [];
    const { reply, messages } = await executeCode(kernel, `name = input('Name? ')\nprint(f'hello {name}')`, {
      onInput: (prompt) => {
        prompts.push(prompt);
        return 'Zoë';
      },
    });
    expect(reply.content.status).toBe('ok');
    expect(prompts).toEqual(['Name? ']);
    expect(streamText(messages)).toBe('hello Zoë\n');
  });

  test('an interrupt ends a busy cell and keeps the state', async () => {
    const kernel = await start();
    await executeCode(kernel, `kept = 'kept'`);
    let interrupted: Promise<void> | undefined;
    const { reply } = await executeCode(kernel, `print('running', flush=True)\nwhile True: pass`, {
      onMessage: (message) => {
        if (isMessage(message, 'stream')) interrupted ??= kernel.interrupt();
      },
    });
    await interrupted;
    expect(reply.content).toMatchObject({ status: 'error', ename: 'KeyboardInterrupt' });
    expect(streamText((await executeCode(kernel, `print(kept)`)).messages)).toBe('kept\n');
  });

  test('a restart forgets the state, keeps the id, and another client stays connected and sees it', async () => {
    const kernel = await start();
    await using observer = await openRawClient({ server: server.current, kernelId: kernel.id });
    await executeCode(kernel, `gone = 1`);
    const id = kernel.id;
    await kernel.restart();
    await kernel.info;
    expect(kernel.id).toBe(id);
    const { reply } = await executeCode(kernel, `gone`);
    expect(reply.content).toMatchObject({ status: 'error', ename: 'NameError', execution_count: 1 });

    const states = (): unknown[] =>
      observer.messages
        .filter(({ header }) => header.msg_type === 'status')
        .map(({ content }) => content['execution_state']);
    await until({ what: 'status of a kernel that starts anew' }, () => states().includes('starting'));
    const request = observer.send('shell', 'execute_request', { code: `print('same connection')`, silent: false });
    const output = await observer.message(
      ({ header, parent_header }) => header.msg_type === 'stream' && parent_header.msg_id === request,
      'output after the restart',
    );
    expect(output.content['text']).toBe('same connection\n');
    expect(observer.closed).toBeUndefined();
    // JupyterLab tells its user that the kernel died when it sees this.
    expect(states()).not.toContain('restarting');
  });

  test('a kernel that dies is started again and its clients are told', async () => {
    const kernel = await start();
    const statuses: string[] = [];
    kernel.statusChanged.connect((_, status) => statuses.push(status));
    kernel.requestExecute({ code: `import os; os._exit(3)` });
    await until({ what: 'autorestarting', timeoutMs: 30_000 }, () => statuses.includes('autorestarting'));
    await until({ what: 'idle again', timeoutMs: 30_000 }, () => kernel.status === 'idle');
    const { reply } = await executeCode(kernel, `print('back')`);
    expect(reply.content).toMatchObject({ status: 'ok', execution_count: 1 });
  });

  test('comm buffers survive in both directions', async () => {
    const kernel = await start();
    const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index);
    const large = new Uint8Array(1_500_000).map((_, index) => (index * 31) & 0xff);
    await executeCode(
      kernel,
      `from comm import create_comm
def opened(comm, message):
    comm.send({'opened': message['content']['data']}, buffers=message['buffers'])
    @comm.on_msg
    def received(message):
        buffers = [bytes(b) for b in message['buffers']]
        comm.send({'sizes': [len(b) for b in buffers]}, buffers=[b[::-1] for b in reversed(buffers)])
get_ipython().kernel.comm_manager.register_target('echo', opened)`,
    );
    const received: KernelMessage.ICommMsgMsg[] = [];
    const comm = kernel.createComm('echo');
    comm.onMsg = (message) => {
      received.push(message);
    };
    await comm.open({ hello: 'é' }, {}, [everyByte]).done;
    await until({ what: 'answer to comm_open' }, () => received.length === 1);
    expect(received[0]?.content.data).toEqual({ opened: { hello: 'é' } });
    expect(bytesOf(received[0]?.buffers)).toEqual([Buffer.from(everyByte)]);

    await comm.send({ go: 1 }, {}, [everyByte, new Uint8Array(0), large.buffer]).done;
    await until({ what: 'answer to comm_msg' }, () => received.length === 2);
    expect(received[1]?.content.data).toEqual({ sizes: [256, 0, large.length] });
    const [first, second, third] = bytesOf(received[1]?.buffers);
    expect(first?.equals(Buffer.from(large).reverse())).toBe(true);
    expect(second).toHaveLength(0);
    expect(third).toEqual(Buffer.from(everyByte).reverse());
  });

  test('a comm that the kernel opens arrives with its buffers', async () => {
    const kernel = await start();
    const opened: KernelMessage.ICommOpenMsg[] = [];
    kernel.registerCommTarget('from-kernel', (_, message) => {
      opened.push(message);
    });
    await executeCode(
      kernel,
      `from comm import create_comm
c = create_comm(target_name='from-kernel', data={'n': 1}, buffers=[bytes(range(256)), b''])`,
    );
    await until({ what: 'comm_open' }, () => opened.length === 1);
    expect(opened[0]?.content.data).toEqual({ n: 1 });
    expect(bytesOf(opened[0]?.buffers)).toEqual([
      Buffer.from(Array.from({ length: 256 }, (_, i) => i)),
      Buffer.alloc(0),
    ]);
  });

  test('two clients: both see the output, each gets its own replies and its own questions', async () => {
    const first = await start();
    const second = kernels.connectTo({ model: first.model });
    await second.info;
    const seenBySecond: KernelMessage.IMessage[] = [];
    second.anyMessage.connect((_, { msg, direction }) => {
      if (direction === 'recv') seenBySecond.push(msg);
    });
    const ask = (kernel: Kernel.IKernelConnection, answer: string) =>
      executeCode(kernel, `print('got ' + input('?'))`, { onInput: () => answer });
    const [a, b] = await Promise.all([ask(first, 'first'), ask(second, 'second')]);
    expect(streamText(a.messages)).toBe('got first\n');
    expect(streamText(b.messages)).toBe('got second\n');
    expect(streamText(seenBySecond)).toContain('got first\n');

    const own = new Set([b.reply.parent_header.msg_id]);
    const replies = seenBySecond.filter((message) => message.header.msg_type === 'execute_reply');
    expect(
      replies.map((message) => 'msg_id' in message.parent_header && own.has(message.parent_header.msg_id)),
    ).toEqual([true]);
    expect(seenBySecond.filter((message) => isMessage(message, 'input_request'))).toHaveLength(1);
    await until({ what: 'two connections in the model' }, async () => {
      return (await KernelAPI.getKernelModel(first.id, client.settings))?.connections === 2;
    });
    second.dispose();
    await until({ what: 'one connection in the model' }, async () => {
      return (await KernelAPI.getKernelModel(first.id, client.settings))?.connections === 1;
    });
  });

  test('output of the time without a connection is replayed: every number once, in order', async () => {
    await using relay = await openTcpRelay({ target: server.current.url });
    const relayed = createServicesClient({ server: server.current, framing, webSocketUrl: relay.url });
    const through = new KernelManager({ serverSettings: relayed.settings });
    try {
      const kernel = await through.startNew({ name: 'python3' });
      await kernel.info;
      const folder = await server.current.scratch.folder(`replay-${framing}`);
      const file = (name: string): string => join(folder, name);
      let text = '';
      const executed = executeCode(
        kernel,
        `import os, time
def wait_for(name):
    end = time.monotonic() + 60
    while not os.path.exists(os.path.join(${JSON.stringify(folder)}, name)):
        assert time.monotonic() < end, name
        time.sleep(0.005)
def numbers(start, end):
    for i in range(start, end):
        print(i, flush=True)
numbers(0, 100)
wait_for('cut')
numbers(100, 300)
open(os.path.join(${JSON.stringify(folder)}, 'printed'), 'w').close()
wait_for('back')
numbers(300, 400)
'the end'`,
        {
          timeoutMs: 90_000,
          onMessage: (message) => {
            text += streamText([message]);
          },
        },
      );
      await until({ what: 'the first numbers' }, () => text.endsWith('99\n'));
      relay.reachable = false;
      relay.cut();
      await until({ what: 'the client sees the cut' }, () => kernel.connectionStatus === 'connecting');
      await writeFile(file('cut'), '');
      await until({ what: 'output without a connection' }, () => existsSync(file('printed')));
      expect(text.endsWith('99\n')).toBe(true);
      relay.reachable = true;
      await until({ what: 'connected again', timeoutMs: 30_000 }, () => kernel.connectionStatus === 'connected');
      await writeFile(file('back'), '');
      const { reply, messages } = await executed;
      expect(text).toBe(Array.from({ length: 400 }, (_, index) => `${index}\n`).join(''));
      expect(reply.content.status).toBe('ok');
      expect(messages.filter((message) => isMessage(message, 'execute_result'))).toHaveLength(1);
      expect(relayed.sockets.length).toBeGreaterThan(1);
    } finally {
      await through.shutdownAll();
      await disposeManager(through);
    }
  });

  test('cut in full flow, thrice: nothing twice, nothing out of order, at most what was in flight lost', async () => {
    await using relay = await openTcpRelay({ target: server.current.url });
    const relayed = createServicesClient({ server: server.current, framing, webSocketUrl: relay.url });
    const through = new KernelManager({ serverSettings: relayed.settings });
    try {
      const kernel = await through.startNew({ name: 'python3' });
      await kernel.info;
      let text = '';
      const cutAt = [200, 700, 1200];
      await executeCode(
        kernel,
        `import time
for i in range(2000):
    print(i, flush=True)
    time.sleep(0.001)
time.sleep(0.5)
print('end')`,
        {
          timeoutMs: 60_000,
          onMessage: (message) => {
            text += streamText([message]);
            const last = Number(text.trimEnd().split('\n').at(-1));
            if (!cutAt.some((number) => last >= number)) return;
            cutAt.shift();
            relay.cut();
          },
        },
      );
      expect(cutAt).toEqual([]);
      const lines = text.trimEnd().split('\n');
      expect(lines.pop()).toBe('end');
      const numbers = lines.map(Number);
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      // The protocol has no acknowledgement: what is on its way when a connection breaks is gone.
      const gaps = numbers.filter((number, index) => index > 0 && number !== (numbers[index - 1] ?? 0) + 1);
      expect(gaps.length).toBeLessThanOrEqual(3);
      expect(2000 - numbers.length).toBeLessThan(200);
    } finally {
      await through.shutdownAll();
      await disposeManager(through);
    }
  });

  test('sessions: start, list, rename, change of kernel, end', async () => {
    const sessions = new SessionManager({ kernelManager: kernels, serverSettings: client.settings });
    try {
      const session = await sessions.startNew({
        path: 'folder/one.ipynb',
        name: 'one.ipynb',
        type: 'notebook',
        kernel: { name: 'python3' },
      });
      await session.kernel?.info;
      const firstKernel = session.kernel?.id;
      expect(await SessionAPI.listRunning(client.settings)).toMatchObject([
        { id: session.id, path: 'folder/one.ipynb', type: 'notebook', kernel: { id: firstKernel, name: 'python3' } },
      ]);
      await session.setPath('folder/two.ipynb');
      await session.setName('two.ipynb');
      expect(await SessionAPI.getSessionModel(session.id, client.settings)).toMatchObject({
        path: 'folder/two.ipynb',
        name: 'two.ipynb',
      });
      const changed = await session.changeKernel({ name: 'python3' });
      await changed?.info;
      expect(changed?.id).not.toBe(firstKernel);
      await until({ what: 'end of the first kernel' }, async () => {
        const running = await KernelAPI.listRunning(client.settings);
        return running.every(({ id }) => id !== firstKernel);
      });
      if (changed === null) throw new Error('no kernel after the change');
      expect(streamText((await executeCode(changed, `print(1)`)).messages)).toBe('1\n');
      await session.shutdown();
      expect(await SessionAPI.listRunning(client.settings)).toEqual([]);
      expect(await KernelAPI.listRunning(client.settings)).toEqual([]);
    } finally {
      await disposeManager(sessions);
    }
  });

  test('a kernel that was shut down is gone', async () => {
    const kernel = await start();
    const { id } = kernel;
    await kernel.shutdown();
    expect(kernel.isDisposed).toBe(true);
    expect(await KernelAPI.getKernelModel(id, client.settings)).toBeUndefined();
    expect(await KernelAPI.listRunning(client.settings)).toEqual([]);
  });

  test('what does not exist is refused with a status and a sentence', async () => {
    const refusal: unknown = await kernels.startNew({ name: 'no-such-kernel' }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ServerConnection.ResponseError);
    if (!(refusal instanceof ServerConnection.ResponseError)) return;
    expect(refusal.response.status).toBe(404);
    expect(refusal.message).toContain('no-such-kernel');
    expect(refusal.traceback).toBe('');
    expect(await KernelAPI.listRunning(client.settings)).toEqual([]);
  });
});

function bytesOf(buffers: readonly (ArrayBuffer | ArrayBufferView)[] | undefined): Buffer[] {
  return (buffers ?? []).map((buffer) =>
    ArrayBuffer.isView(buffer) ? Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength) : Buffer.from(buffer),
  );
}
