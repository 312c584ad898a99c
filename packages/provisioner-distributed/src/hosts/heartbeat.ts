import { connect } from 'node:net';
import { withDeadline } from '@gateway-provisioners/core';
import type { Clock } from '@gateway-provisioners/core';

const ANSWER_MS = 5_000;
/** ZeroMQ's greeting begins with ten bytes that are the same for all peers but for the eight in the middle. */
const SIGNATURE_BYTES = 10;
const SIGNATURE = Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f]);

/**
 * Whether a kernel's heartbeat port answers: its process then runs, whatever else cannot be reached. Both ends of ZeroMQ
 * send their greeting at once and before anything is encrypted, so that no more than its beginning is needed
 * (https://rfc.zeromq.org/spec/23/). A process that is stopped, or somebody else's port, sends none.
 */
export async function heartbeatAnswers(
  { host, port }: { readonly host: string; readonly port: number },
  { signal, clock }: { readonly signal?: AbortSignal | undefined; readonly clock: Clock },
): Promise<boolean> {
  const socket = connect({ host, port });
  try {
    const what = 'the heartbeat of a kernel';
    return await withDeadline({ what, timeoutMs: ANSWER_MS, signal, clock }, async (scope) => {
      const answered = new Promise<boolean>((resolve) => {
        let greeting = Buffer.alloc(0);
        socket.once('connect', () => socket.write(SIGNATURE));
        socket.on('data', (chunk: Buffer) => {
          greeting = Buffer.concat([greeting, chunk]).subarray(0, SIGNATURE_BYTES);
          if (greeting.length === SIGNATURE_BYTES) resolve(greeting[0] === 0xff && greeting.at(-1) === 0x7f);
        });
        socket.on('error', () => {
          resolve(false);
        });
        socket.once('close', () => {
          resolve(false);
        });
        scope.signal.addEventListener('abort', () => socket.destroy(), { once: true });
      });
      return await answered;
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    return false;
  } finally {
    socket.destroy();
  }
}
