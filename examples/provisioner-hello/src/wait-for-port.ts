import { connect } from 'node:net';
import { delay } from '@gateway-provisioners/core';
import type { Clock } from '@gateway-provisioners/core';

const PAUSE_MS = 20;

/** Resolves when somebody accepts connections there; rejects when the signal aborts. */
export async function waitForPort(
  address: { readonly host: string; readonly port: number },
  options: { readonly signal: AbortSignal; readonly clock: Clock },
): Promise<void> {
  while (!(await accepts(address))) await delay(PAUSE_MS, options);
}

function accepts(address: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address, () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
