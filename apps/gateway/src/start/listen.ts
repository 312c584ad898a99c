import type { Server } from 'node:http';
import { ProvisionerError, throwIfAborted } from '@gateway-provisioners/core';

export interface ListenOptions {
  readonly ip: string;
  readonly port: number;
  /** How many of the following ports are tried when one is in use. */
  readonly portRetries: number;
  readonly signal?: AbortSignal | undefined;
}

/** Listens, and returns the port. Errors: `ADDRESS_IN_USE`; `INVALID_ARGUMENT` for an address that is not this machine's. */
export async function listen(server: Server, options: ListenOptions): Promise<number> {
  const last = options.port === 0 ? 0 : Math.min(options.port + options.portRetries, 65_535);
  for (let port = options.port; ; port += 1) {
    throwIfAborted(options.signal);
    try {
      await listenOn(server, options.ip, port);
      break;
    } catch (error) {
      if (codeOf(error) !== 'EADDRINUSE') throw listenError(error, options.ip, port);
      if (port >= last) throw inUse(error, options, last);
    }
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : options.port;
}

async function listenOn(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const onListening = (): void => {
      server.off('error', onError);
      resolve();
    };
    const onError = (error: Error): void => {
      server.off('listening', onListening);
      reject(error);
    };
    server.once('listening', onListening);
    server.once('error', onError);
    server.listen({ host, port });
  });
}

function inUse(cause: unknown, { ip, port }: ListenOptions, last: number): ProvisionerError {
  const ports = last > port ? `ports ${String(port)} to ${String(last)} are` : `port ${String(port)} is`;
  return new ProvisionerError(
    'ADDRESS_IN_USE',
    `${ports} in use on ${ip}: end what listens there, or choose another with --port (0 for any), or set --port-retries`,
    { cause },
  );
}

function listenError(cause: unknown, ip: string, port: number): ProvisionerError {
  const code = codeOf(cause);
  if (code === 'EACCES') {
    return new ProvisionerError('INVALID_ARGUMENT', `this user may not listen on port ${String(port)}`, { cause });
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return new ProvisionerError('INVALID_ARGUMENT', `${ip} is no address of this machine`, { cause });
  }
  return new ProvisionerError('INTERNAL', `cannot listen on ${ip}, port ${String(port)}`, { cause });
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}
