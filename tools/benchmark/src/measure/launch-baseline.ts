import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { executeRequest, roundTrip } from '../client.ts';
import { rawClient } from '../raw-client.ts';
import { prepareRawKernel } from '../raw-kernel.ts';
import type { RawKernelOptions } from '../raw-kernel.ts';
import { probeWhile } from './probe.ts';
import type { Probe } from './probe.ts';

const programs = join(dirname(fileURLToPath(import.meta.url)), '..');

/**
 * The same as {@link measureConcurrentLaunches} with no gateway: `count` kernels are started at once by a process that
 * does nothing else, while a server that does nothing else answers `GET /api`. What it takes then is the machine's part.
 */
export async function measureLaunchBaseline(
  options: RawKernelOptions,
  count: number,
): Promise<{ readonly seconds: number; readonly api: Probe }> {
  const server = spawn(process.execPath, [join(programs, 'idle-server.js')], { stdio: ['ignore', 'pipe', 'inherit'] });
  const starter = fork(join(programs, 'starter.js'), { env: options.env });
  try {
    const [url] = (await once(server.stdout, 'data')) as [Buffer];
    const kernels = await Promise.all(Array.from({ length: count }, () => prepareRawKernel(options)));
    const { result, probe } = await probeWhile({ url: `${url.toString().trim()}/api`, token: '' }, async () => {
      const start = performance.now();
      starter.send(kernels.map(({ command }) => command));
      const clients = await Promise.all(
        kernels.map(async ({ connectionFile }) => {
          const client = await rawClient(connectionFile);
          await roundTrip(client, executeRequest(''));
          return client;
        }),
      );
      const seconds = (performance.now() - start) / 1000;
      for (const client of clients) client.close();
      return seconds;
    });
    return { seconds: result, api: probe };
  } finally {
    const exits = [once(server, 'exit'), once(starter, 'exit')];
    server.kill('SIGKILL');
    starter.disconnect();
    await Promise.all(exits);
  }
}
