import type { Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { ProvisionerError, ResourceStack, silentLogger, systemClock } from '@gateway-provisioners/core';
import type { Clock, Logger } from '@gateway-provisioners/core';
import type { CommOptions } from '../comm/comm-options.ts';
import { createBoxKeys } from '../crypto/nacl.ts';
import { createResponseKeys } from '../crypto/rsa-keys.ts';
import { bindServer } from './bind-server.ts';
import { Counters } from './counters.ts';
import { FairQueue } from './fair-queue.ts';
import { parseHostPort } from './host-port.ts';
import { pickLocalAddress } from './local-address.ts';
import { PayloadProcessor } from './payload-processor.ts';
import { PeerConnections } from './peer-connections.ts';
import { Registrations } from './registration.ts';
import { ResponseListener } from './response-listener.ts';
import type { ResponseListenerConfig } from './settings.ts';

export interface ResponseListenerOptions extends ResponseListenerConfig {
  /** Size of version 1's RSA key, 2048 to 4096. Default 2048. */
  readonly rsaBits?: number | undefined;
  /** How long a connection may take to send its payload. Default 10 seconds. */
  readonly connectionTimeoutMs?: number | undefined;
  /** Default 64 KiB. */
  readonly maxPayloadBytes?: number | undefined;
  /** Beyond it, the connection that has been idle for longest makes room. Default 1024. */
  readonly maxConnections?: number | undefined;
  /** Where the application passes bodies to {@link ResponseListener.handleHttp}; told to launchers of version 2. */
  readonly httpUrl?: string | undefined;
  /** For the comm channels of launchers that answer. */
  readonly comm?: CommOptions | undefined;
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Opens the port on which launchers of remote kernels answer, for versions 1 and 2 of the protocol
 * (docs/reference/launcher-protocol.md). Keys are made for this listener alone and never stored.
 * Errors: `ADDRESS_IN_USE`, `INVALID_CONFIG`, `INVALID_ARGUMENT`.
 */
export async function createResponseListener(options: ResponseListenerOptions = {}): Promise<ResponseListener> {
  const { logger = silentLogger, clock = systemClock, maxPayloadBytes = 65_536, portRange = '0..0' } = options;
  const rsaBits = inRange('rsaBits', options.rsaBits ?? 2048, { low: 2048, high: 4096 });
  const advertised = options.advertisedAddress === undefined ? undefined : parseHostPort(options.advertisedAddress);
  const address = options.address ?? pickLocalAddress(networkInterfaces(), options.prohibitedLocalIps);
  const responseKeys = await createResponseKeys(rsaBits);
  const boxKeys = createBoxKeys();
  const comm: CommOptions = { clock, ...options.comm };

  const counters = new Counters();
  const registrations = new Registrations(clock);
  const queue = new FairQueue();
  const processor = new PayloadProcessor({
    registrations,
    counters,
    responseKeys,
    boxKeys,
    acceptVersion0: options.acceptVersion0 ?? false,
    comm,
    logger,
  });

  await using stack = new ResourceStack();
  const connections = stack.use(
    new PeerConnections({
      maxConnections: positive('maxConnections', options.maxConnections ?? 1024),
      maxPayloadBytes: positive('maxPayloadBytes', maxPayloadBytes),
      connectionTimeoutMs: positive('connectionTimeoutMs', options.connectionTimeoutMs ?? 10_000),
      clock,
      counters,
      processor,
      queue,
    }),
  );
  const server = await bindServer({
    host: options.anyAddress === true ? undefined : (options.bindAddress ?? address),
    port: inRange('port', options.port ?? 8877, { low: 0, high: 65_535 }),
    retries: inRange('portRetries', options.portRetries ?? 10, { low: 0, high: 1000 }),
    logger,
    onConnection: (socket) => {
      connections.add(socket);
    },
  });
  // Released before the connections are: nobody new comes in while they are closed.
  stack.defer(() => {
    stopListening(server);
  });
  const port = portOf(server);
  const listener = new ResponseListener({
    resources: stack.move(),
    advertised: { host: advertised?.host ?? address, port: advertised?.port ?? port },
    port,
    publicKeyText: responseKeys.publicKeyText,
    boxKeys,
    registrations,
    connections,
    processor,
    queue,
    counters,
    portRange,
    maxPayloadBytes,
    httpUrl: options.httpUrl,
    comm,
  });
  logger.info('launchers may answer', { responseAddress: listener.responseAddress, port });
  return listener;
}

/** The port is free at once; the server's own callback would wait for its connections, which are closed next. */
function stopListening(server: Server): void {
  server.close();
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string')
    throw new ProvisionerError('INTERNAL', 'a server without a port');
  return address.port;
}

function positive(name: string, value: number): number {
  return inRange(name, value, { low: 1, high: Number.MAX_SAFE_INTEGER });
}

function inRange(name: string, value: number, { low, high }: { readonly low: number; readonly high: number }): number {
  if (Number.isInteger(value) && value >= low && value <= high) return value;
  throw new ProvisionerError('INVALID_ARGUMENT', `${name} must be a whole number from ${low} to ${high}, not ${value}`);
}
