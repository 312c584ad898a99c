import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { until } from '../support/until.ts';
import { executeCode, isMessage } from './services-client.ts';

/** Runs a cell of Python that would sleep for ten minutes, interrupts it once it runs, and returns the cell's reply. */
export async function interruptedCell(
  kernel: Kernel.IKernelConnection,
): Promise<KernelMessage.IExecuteReplyMsg['content']> {
  let asleep = false;
  const sleeping = executeCode(kernel, 'print("zzz", flush=True)\nimport time; time.sleep(600)', {
    timeoutMs: 90_000,
    onMessage: (message) => {
      asleep ||= isMessage(message, 'stream');
    },
  });
  await until({ what: 'the cell to run', timeoutMs: 60_000 }, () => asleep);
  await kernel.interrupt();
  return (await sleeping).reply.content;
}
