import { once } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { ProvisionerError, abortError, isProvisionerError, systemErrorCode } from '@gateway-provisioners/core';
import type { CommState, DialComm } from '@gateway-provisioners/core';

/** TCP. */
export const dialTcp: DialComm = async ({ host, port }, { signal }) => {
  // Half-open: the request's end must not end the reply.
  const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
  try {
    await once(socket, 'connect', { signal });
    return socket;
  } catch (error) {
    socket.destroy();
    throw signal.aborted ? abortError(signal) : error;
  }
};

/** The open connection; undefined when it was refused. Errors: `KERNEL_UNREACHABLE`. */
export async function dialListener(
  dial: DialComm,
  state: CommState,
  options: { readonly signal: AbortSignal },
): Promise<Duplex | undefined> {
  try {
    return await dial(state, options);
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw unreachable(state, error);
  }
}

/** An abort by the caller stays what it is; all else means that nothing is known about the kernel. */
export function unreachable(state: CommState, cause: unknown): Error {
  const isOwn = isProvisionerError(cause) && cause.code !== 'DEADLINE_EXCEEDED' && cause.code !== 'CONNECTION_LOST';
  if (isOwn) return cause;
  return new ProvisionerError('KERNEL_UNREACHABLE', "the launcher's listener could not be asked", {
    cause,
    coordinates: { kernelId: state.kernelId, host: state.host, port: state.port },
  });
}

/** Several addresses of one name give an AggregateError, whose own code is that of its first. */
function isRefusal(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(isRefusal);
  return systemErrorCode(error) === 'ECONNREFUSED';
}
