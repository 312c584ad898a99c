import { describe, expect, test } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KernelAPI, KernelSpecAPI, ServerConnection, SessionAPI, SessionManager } from '@jupyterlab/services';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { gatewayUnderTest } from '../support/gateway-under-test.ts';
import { suiteServer } from '../support/suite-server.ts';
import { until } from '../support/until.ts';
import { disposeManager, executeCode, isMessage, streamText } from './services-client.ts';
import type { FramingName } from './services-client.ts';
import { servicesSuite } from './services-suite.ts';

const server = suiteServer(() => gatewayUnderTest());

describe.each<FramingName>(['v1', 'default'])('@jupyterlab/services in the %s framing', (framing) => {
  const suite = servicesSuite({ server, framing });

  test('the framing is the one that was asked for', async () => {
    const kernel = await suite.start();
    expect(kernel.connectionStatus).toBe('connected');
    expect(suite.client.sockets.map((socket) => socket.protocol)).toEqual([
      framing === 'v1' ? 'v1.kernel.websocket.jupyter.org' : '',
    ]);
  });

  test('kernelspecs are listed with what a launcher shows', async () => {
    const specs = await KernelSpecAPI.getSpecs(suite.client.settings);
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
    const kernel = await suite.start();
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
    const kernel = await suite.start();
    const completion = await kernel.requestComplete({ code: 'impor', cursor_pos: 5 });
    expect(completion.content).toMatchObject({ status: 'ok', matches: ['import'] });
    const inspection = await kernel.requestInspect({ code: 'len', cursor_pos: 3, detail_level: 0 });
    expect(inspection.content).toMatchObject({ status: 'ok', found: true });
  });

  test('an exception comes as an error message and in the reply, and what was queued is aborted', async () => {
    const kernel = await suite.start();
    const file = join(server.current.scratch.path, `queued-${framing}`);
    const waiting = `import os, time\nwhile not os.path.exists(${JSON.stringify(file)}): time.sleep(0.01)\n1 / 0`;
    const failing = executeCode(kernel, waiting, { stopOnError: true });
    const queued = executeCode(kernel, `print('never')`);
    // It fails when the gateway has passed on what comes behind it.
    await suite.client.settle();
    await writeFile(file, '');
    const { reply, messages } = await failing;
    expect(reply.content).toMatchObject({ status: 'error', ename: 'ZeroDivisionError', evalue: 'division by zero' });
    const error = messages.find((message) => isMessage(message, 'error'));
    expect(error?.content.traceback.join('\n')).toContain('ZeroDivisionError');
    expect((await queued).reply.content.status).toBe('aborted');
    expect((await executeCode(kernel, `print('after')`)).reply.content.status).toBe('ok');
  });

  test('input() asks this client and gets its answer', async () => {
    const kernel = await suite.start();
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
    const kernel = await suite.start();
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

  test('comm buffers survive in both directions', async () => {
    const kernel = await suite.start();
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
    const kernel = await suite.start();
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
    const first = await suite.start();
    const second = suite.kernels.connectTo({ model: first.model });
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
    // Its connection is another one than that which brought the reply.
    await until({ what: "the other one's output" }, () => streamText(seenBySecond).includes('got first\n'));

    const own = new Set([b.reply.parent_header.msg_id]);
    const replies = seenBySecond.filter((message) => message.header.msg_type === 'execute_reply');
    expect(
      replies.map((message) => 'msg_id' in message.parent_header && own.has(message.parent_header.msg_id)),
    ).toEqual([true]);
    expect(seenBySecond.filter((message) => isMessage(message, 'input_request'))).toHaveLength(1);
    await until({ what: 'two connections in the model' }, async () => {
      return (await KernelAPI.getKernelModel(first.id, suite.client.settings))?.connections === 2;
    });
    second.dispose();
    await until({ what: 'one connection in the model' }, async () => {
      return (await KernelAPI.getKernelModel(first.id, suite.client.settings))?.connections === 1;
    });
  });

  test('sessions: start, list, rename, change of kernel, end', async () => {
    const sessions = new SessionManager({ kernelManager: suite.kernels, serverSettings: suite.client.settings });
    try {
      const session = await sessions.startNew({
        path: 'folder/one.ipynb',
        name: 'one.ipynb',
        type: 'notebook',
        kernel: { name: 'python3' },
      });
      await session.kernel?.info;
      const firstKernel = session.kernel?.id;
      expect(await SessionAPI.listRunning(suite.client.settings)).toMatchObject([
        { id: session.id, path: 'folder/one.ipynb', type: 'notebook', kernel: { id: firstKernel, name: 'python3' } },
      ]);
      await session.setPath('folder/two.ipynb');
      await session.setName('two.ipynb');
      expect(await SessionAPI.getSessionModel(session.id, suite.client.settings)).toMatchObject({
        path: 'folder/two.ipynb',
        name: 'two.ipynb',
      });
      const changed = await session.changeKernel({ name: 'python3' });
      await changed?.info;
      expect(changed?.id).not.toBe(firstKernel);
      await until({ what: 'end of the first kernel' }, async () => {
        const running = await KernelAPI.listRunning(suite.client.settings);
        return running.every(({ id }) => id !== firstKernel);
      });
      if (changed === null) throw new Error('no kernel after the change');
      expect(streamText((await executeCode(changed, `print(1)`)).messages)).toBe('1\n');
      await session.shutdown();
      expect(await SessionAPI.listRunning(suite.client.settings)).toEqual([]);
      expect(await KernelAPI.listRunning(suite.client.settings)).toEqual([]);
    } finally {
      await disposeManager(sessions);
    }
  });

  test('a kernel that was shut down is gone', async () => {
    const kernel = await suite.start();
    const { id } = kernel;
    await kernel.shutdown();
    expect(kernel.isDisposed).toBe(true);
    expect(await KernelAPI.getKernelModel(id, suite.client.settings)).toBeUndefined();
    expect(await KernelAPI.listRunning(suite.client.settings)).toEqual([]);
  });

  test('what does not exist is refused with a status and a sentence', async () => {
    const refusal: unknown = await suite.kernels.startNew({ name: 'no-such-kernel' }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ServerConnection.ResponseError);
    if (!(refusal instanceof ServerConnection.ResponseError)) return;
    expect(refusal.response.status).toBe(404);
    expect(refusal.message).toContain('no-such-kernel');
    expect(refusal.traceback).toBe('');
    expect(await KernelAPI.listRunning(suite.client.settings)).toEqual([]);
  });
});

function bytesOf(buffers: readonly (ArrayBuffer | ArrayBufferView)[] | undefined): Buffer[] {
  return (buffers ?? []).map((buffer) =>
    ArrayBuffer.isView(buffer) ? Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength) : Buffer.from(buffer),
  );
}
