import { afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { KernelManager, KernelSpecAPI } from '@jupyterlab/services';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { gatewayUnderTest } from '../support/gateway-under-test.ts';
import { suiteServer } from '../support/suite-server.ts';
import { until } from '../support/until.ts';
import { createServicesClient, disposeManager, executeCode, isMessage, streamText } from './services-client.ts';
import type { ServicesClient } from './services-client.ts';

describe('the embedded TypeScript kernel through @jupyterlab/services', () => {
  const server = suiteServer(() => gatewayUnderTest());
  let client: ServicesClient;
  let kernels: KernelManager;

  beforeAll(() => {
    jest.spyOn(console, 'debug').mockImplementation(() => undefined);
    jest.spyOn(console, 'warn').mockImplementation(() => undefined);
  });

  beforeEach(() => {
    client = createServicesClient({ server: server.current, framing: 'v1' });
    kernels = new KernelManager({ serverSettings: client.settings });
  });

  afterEach(async () => {
    await kernels.shutdownAll();
    await disposeManager(kernels);
  });

  const start = async (): Promise<Kernel.IKernelConnection> => {
    const kernel = await kernels.startNew({ name: 'deno' });
    await kernel.info;
    return kernel;
  };

  test('is listed as TypeScript', async () => {
    const specs = await KernelSpecAPI.getSpecs(client.settings);
    expect(specs.kernelspecs['deno']).toMatchObject({ name: 'deno', language: 'typescript' });
  });

  test('runs TypeScript with top-level await', async () => {
    const kernel = await start();
    // Deno 2.9 sends its idle before the output of about every fifth cell, whatever the client: so it is not the end.
    const output: KernelMessage.IMessage[] = [];
    kernel.iopubMessage.connect((_, message) => output.push(message));
    const { reply } = await executeCode(
      kernel,
      `const answer: number = await Promise.resolve(42);
console.log('out');
console.error('err');
answer`,
    );
    expect(reply.content.status).toBe('ok');
    await until({ what: 'stdout' }, () => streamText(output) === 'out\n');
    await until({ what: 'stderr' }, () => streamText(output, 'stderr') === 'err\n');
    const result = await until({ what: 'result' }, () =>
      output.find((message) => isMessage(message, 'execute_result')),
    );
    expect(result.content.data['text/plain']).toEqual(expect.stringContaining('42'));
  });

  test('reports an exception as an error message', async () => {
    const kernel = await start();
    const output: KernelMessage.IMessage[] = [];
    kernel.iopubMessage.connect((_, message) => output.push(message));
    const { reply } = await executeCode(kernel, `throw new TypeError('no')`);
    expect(reply.content.status).toBe('error');
    const error = await until({ what: 'error message' }, () => output.find((message) => isMessage(message, 'error')));
    expect(error.content).toMatchObject({ ename: 'TypeError', evalue: 'no' });
  });

  test('is interrupted by a message, and goes on', async () => {
    const kernel = await start();
    let interrupted: Promise<void> | undefined;
    const { reply } = await executeCode(kernel, `console.log('running'); while (true) {}`, {
      onMessage: (message) => {
        if (isMessage(message, 'stream')) interrupted ??= kernel.interrupt();
      },
    });
    await interrupted;
    expect(reply.content.status).toBe('error');
    expect((await executeCode(kernel, `1 + 1`)).reply.content.status).toBe('ok');
  });

  test('is restarted with nothing kept', async () => {
    const kernel = await start();
    await executeCode(kernel, `const kept = 1;`);
    await kernel.restart();
    await kernel.info;
    expect((await executeCode(kernel, `kept`)).reply.content.status).toBe('error');
  });
});
