import { describe, expect, test } from '@jest/globals';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KernelAPI, KernelManager } from '@jupyterlab/services';
import { gatewayUnderTest } from '../support/gateway-under-test.ts';
import { suiteServer } from '../support/suite-server.ts';
import { openTcpRelay } from '../support/tcp-relay.ts';
import { until } from '../support/until.ts';
import { openRawClient } from './raw-client.ts';
import { createServicesClient, disposeManager, executeCode, isMessage, streamText } from './services-client.ts';
import type { FramingName } from './services-client.ts';
import { servicesSuite } from './services-suite.ts';

const server = suiteServer(() => gatewayUnderTest());

describe.each<FramingName>(['v1', 'default'])('@jupyterlab/services in the %s framing', (framing) => {
  const suite = servicesSuite({ server, framing });

  test('a restart forgets the state and keeps the id; who asked for it sees it restart, and never a death', async () => {
    const kernel = await suite.start();
    const statuses: string[] = [];
    kernel.statusChanged.connect((_, status) => statuses.push(status));
    await executeCode(kernel, `gone = 1`);
    const { id } = kernel;
    // Kernels that start wait while this file is there: the state in between lasts as long as it is looked for.
    const hold = join(server.current.scratch.path, 'hold');
    const startup = await server.current.scratch.folder('ipython/profile_default/startup');
    const wait = `import os, time\nwhile os.path.exists(${JSON.stringify(hold)}): time.sleep(0.01)\n`;
    await writeFile(join(startup, 'wait.py'), wait);
    await writeFile(hold, '');
    const restarting = kernel.restart();
    try {
      await until({ what: 'restarting in the model' }, async () => {
        return (await KernelAPI.getKernelModel(id, suite.client.settings))?.execution_state === 'restarting';
      });
    } finally {
      await rm(hold);
    }
    await restarting;
    await kernel.info;
    await until({ what: 'idle again' }, () => kernel.status === 'idle');
    expect(kernel.id).toBe(id);
    const { reply } = await executeCode(kernel, `gone`);
    expect(reply.content).toMatchObject({ status: 'error', ename: 'NameError', execution_count: 1 });
    expect(statuses).toContain('restarting');
    // Of `autorestarting` JupyterLab says in a dialog that the kernel has died.
    expect(statuses).not.toContain('autorestarting');
    expect(statuses).not.toContain('dead');
  });

  test('other clients stay connected through a restart that was asked for, and see it', async () => {
    const kernel = await suite.start();
    const other = suite.kernels.connectTo({ model: kernel.model, clientId: 'another-tab' });
    await other.info;
    const statuses: string[] = [];
    other.statusChanged.connect((_, status) => statuses.push(status));
    await using observer = await openRawClient({ server: server.current, kernelId: kernel.id });
    await kernel.restart();
    await until({ what: 'starting, then idle' }, () => statuses.includes('starting') && other.status === 'idle');
    expect(streamText((await executeCode(other, `print('new')`)).messages)).toBe('new\n');
    expect(statuses).not.toContain('autorestarting');
    expect(statuses).not.toContain('dead');

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
    expect(states()).not.toContain('restarting');
  });

  test('a kernel that dies is started again and its clients are told', async () => {
    const kernel = await suite.start();
    const statuses: string[] = [];
    kernel.statusChanged.connect((_, status) => statuses.push(status));
    kernel.requestExecute({ code: `import os; os._exit(3)` });
    await until({ what: 'autorestarting' }, () => statuses.includes('autorestarting'));
    await until({ what: 'idle again' }, () => kernel.status === 'idle');
    const { reply } = await executeCode(kernel, `print('back')`);
    expect(reply.content).toMatchObject({ status: 'ok', execution_count: 1 });
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
      await relayed.settle();
      relay.reachable = false;
      relay.cut();
      await until({ what: 'the client sees the cut' }, () => kernel.connectionStatus === 'connecting');
      await writeFile(file('cut'), '');
      await until({ what: 'output without a connection' }, () => existsSync(file('printed')));
      expect(text.endsWith('99\n')).toBe(true);
      relay.reachable = true;
      await until({ what: 'connected again' }, () => kernel.connectionStatus === 'connected');
      await writeFile(file('back'), '');
      const { reply, messages } = await executed;
      expect(text).toBe(Array.from({ length: 400 }, (_, index) => `${index}\n`).join(''));
      expect(reply.content.status).toBe('ok');
      expect(messages.filter((message) => isMessage(message, 'execute_result'))).toHaveLength(1);
      expect(relayed.sockets.length).toBeGreaterThan(1);
    } finally {
      await through.shutdownAll();
      await disposeManager(through);
      await relayed.end();
    }
  });

  test('cut in full flow, thrice: nothing lost, nothing out of order, twice at most what had just arrived', async () => {
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
    # One write: a line is never in two messages.
    print(f'{i}\\n', end='', flush=True)
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
      expect([...new Set(numbers)]).toEqual(Array.from({ length: 2000 }, (_, number) => number));
      // What had arrived and was not known to have when the connection broke comes again.
      const back = numbers.filter((number, index) => index > 0 && number !== (numbers[index - 1] ?? 0) + 1);
      expect(back.length).toBeLessThanOrEqual(3);
    } finally {
      await through.shutdownAll();
      await disposeManager(through);
      await relayed.end();
    }
  });
});
