import { connect } from 'node:net';
import type { NetConnectOpts } from 'node:net';
import { delay, raceSignal } from '@gateway-provisioners/core';
import type { Clock, ConnectionInfo } from '@gateway-provisioners/core';

const FIRST_PAUSE_MS = 4;
const LONGEST_PAUSE_MS = 40;

/**
 * Resolves when the kernel accepts connections on shell and iopub. A connection that is closed before the ZMTP
 * greeting does a kernel no harm. Only for launches: a kernel that runs is not polled.
 */
export async function awaitListening(
  info: ConnectionInfo,
  options: { readonly signal: AbortSignal; readonly clock: Clock },
): Promise<void> {
  for (const port of [info.shell_port, info.iopub_port]) {
    const address = addressOf(info, port);
    for (let pauseMs = FIRST_PAUSE_MS; !(await accepts(address, options.signal));) {
      await delay(pauseMs, options);
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 1.5);
    }
  }
}

/** Whether somebody accepts a connection there. */
async function accepts(address: NetConnectOpts, signal: AbortSignal): Promise<boolean> {
  const socket = connect(address);
  try {
    return await raceSignal(
      new Promise<boolean>((resolve) => {
        socket.once('connect', () => {
          resolve(true);
        });
        socket.once('error', () => {
          resolve(false);
        });
      }),
      signal,
    );
  } finally {
    socket.on('error', () => undefined);
    socket.destroy();
  }
}

function addressOf(info: ConnectionInfo, port: number): NetConnectOpts {
  return info.transport === 'ipc' ? { path: `${info.ip}-${String(port)}` } : { host: info.ip, port };
}
