import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { ProvisionerError, systemErrorCode } from '@gateway-provisioners/core';
import type { Logger } from '@gateway-provisioners/core';

export interface BindOptions {
  /** Undefined: all interfaces, IPv6 and IPv4. */
  readonly host: string | undefined;
  /** 0 for any that is free. */
  readonly port: number;
  /** How many other ports may be tried. */
  readonly retries: number;
  readonly logger: Logger;
  readonly onConnection: (socket: Socket) => void;
}

const BACKLOG = 1024;
const CONSECUTIVE = 5;

/**
 * A listening server. When the port is taken or not permitted, others are tried in the order that Jupyter's programs
 * keep: the next four, then random ones within twice the number of attempts around it.
 * Errors: `ADDRESS_IN_USE` when none was free; `INVALID_CONFIG` when the address is not one of this machine.
 */
export async function bindServer(options: BindOptions): Promise<Server> {
  const ports = candidatePorts(options.port, options.retries);
  let failure: unknown;
  for (const port of ports) {
    try {
      return await listen(options, port);
    } catch (error) {
      failure = error;
      const code = systemErrorCode(error);
      if (code === 'EADDRINUSE') options.logger.info('the response port is taken, trying another one', { port });
      else if (code === 'EACCES')
        options.logger.warn('the response port is not permitted, trying another one', { port });
      else throw unusable(options, error);
    }
  }
  throw new ProvisionerError(
    'ADDRESS_IN_USE',
    `the response listener found no free port in ${ports.length} attempts from ${options.port}: ` +
      'set GP_RESPONSE_PORT to a free one, or raise GP_RESPONSE_PORT_RETRIES',
    { cause: failure },
  );
}

export function candidatePorts(port: number, retries: number): readonly number[] {
  if (port === 0) return [0];
  const attempts = retries + 1;
  const consecutive = Array.from({ length: Math.min(CONSECUTIVE, attempts) }, (_, index) => port + index);
  const random = Array.from({ length: Math.max(0, attempts - CONSECUTIVE) }, () =>
    Math.max(1, port + randomInt(-2 * attempts, 2 * attempts + 1)),
  );
  return [...consecutive, ...random].filter((candidate) => candidate <= 65_535);
}

async function listen(options: BindOptions, port: number): Promise<Server> {
  if (options.host !== undefined) return await listenOn(options, { host: options.host, port });
  try {
    return await listenOn(options, { host: '::', port });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL' && code !== 'EINVAL') throw error;
    // A machine without IPv6.
    return await listenOn(options, { host: '0.0.0.0', port });
  }
}

async function listenOn(options: BindOptions, address: { host: string; port: number }): Promise<Server> {
  // Half-open: a launcher may end its side before it reads the reply.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, options.onConnection);
  server.listen({ ...address, backlog: BACKLOG, ipv6Only: false });
  await once(server, 'listening');
  // Such as too many open files: the listener goes on.
  server.on('error', (cause) => {
    options.logger.error('the response listener could not take a connection', { code: systemErrorCode(cause) });
  });
  return server;
}

function unusable({ host }: BindOptions, cause: unknown): ProvisionerError {
  return new ProvisionerError(
    'INVALID_CONFIG',
    `the response listener cannot listen on ${host ?? 'all interfaces'} (${systemErrorCode(cause) ?? 'unknown error'}): ` +
      'set GP_RESPONSE_IP to an address of this machine, or GP_RESPONSE_ADDR_ANY to true to listen on all of them',
    { cause },
  );
}
