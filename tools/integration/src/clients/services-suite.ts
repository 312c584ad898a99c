import { afterEach, beforeAll, beforeEach, jest } from '@jest/globals';
import { KernelManager } from '@jupyterlab/services';
import type { Kernel } from '@jupyterlab/services';
import type { RunningServer } from '../support/server-process.ts';
import { createServicesClient, disposeManager } from './services-client.ts';
import type { FramingName, ServicesClient } from './services-client.ts';

/** A client and a manager of kernels for each test of the surrounding `describe`; its kernels end with the test. */
export interface ServicesSuite {
  readonly client: ServicesClient;
  readonly kernels: KernelManager;
  /** Starts a kernel and waits until it answers. */
  start(name?: string): Promise<Kernel.IKernelConnection>;
}

export function servicesSuite(options: {
  readonly server: { readonly current: RunningServer };
  readonly framing: FramingName;
}): ServicesSuite {
  let made: { readonly client: ServicesClient; readonly kernels: KernelManager } | undefined;
  const current = () => {
    if (made === undefined) throw new Error('only within a test');
    return made;
  };
  beforeAll(() => {
    // The library tells the console of every connection.
    jest.spyOn(console, 'debug').mockImplementation(() => undefined);
    jest.spyOn(console, 'warn').mockImplementation(() => undefined);
  });
  beforeEach(() => {
    const client = createServicesClient({ server: options.server.current, framing: options.framing });
    made = { client, kernels: new KernelManager({ serverSettings: client.settings }) };
  });
  afterEach(async () => {
    const { client, kernels } = current();
    await kernels.shutdownAll();
    await disposeManager(kernels);
    await client.end();
  });
  return {
    get client() {
      return current().client;
    },
    get kernels() {
      return current().kernels;
    },
    async start(name = 'python3') {
      const kernel = await current().kernels.startNew({ name });
      await kernel.info;
      return kernel;
    },
  };
}
