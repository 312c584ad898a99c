import { ProvisionerError } from '@gateway-provisioners/core';
import type { KernelConnection } from '@gateway-provisioners/core';
import { hasCurveKey } from './channel-socket-options.ts';
import type { ChannelEngine } from './channel-socket.ts';
import { createZeromqEngine } from './zeromq/zeromq-engine.ts';
import { createZmtpEngine } from './zmtp/zmtp-engine.ts';

/** `auto`: zeromq for a connection with CurveZMQ keys, else zmtp. */
export type EngineChoice = 'auto' | 'zmtp' | 'zeromq';

const zmtp = createZmtpEngine();
const zeromq = createZeromqEngine();

/**
 * The engine that serves a connection, with default settings.
 * Errors: `ENCRYPTION_UNAVAILABLE` when the kernel encrypts and the engine, or the transport, cannot;
 * `INVALID_CONNECTION_INFO` when zeromq is asked to use a transport of the connection's own.
 */
export function selectEngine(connection: KernelConnection, choice: EngineChoice = 'auto'): ChannelEngine {
  const encrypted = hasCurveKey(connection.info);
  if (encrypted && choice === 'zmtp') {
    throw new ProvisionerError(
      'ENCRYPTION_UNAVAILABLE',
      'the kernel encrypts its channels with CurveZMQ, which the zmtp engine cannot do: use `auto` or `zeromq`',
    );
  }
  if (encrypted && connection.transport !== undefined) {
    throw new ProvisionerError(
      'ENCRYPTION_UNAVAILABLE',
      'the kernel encrypts its channels with CurveZMQ and is reached through a transport of its own: no engine can do both',
    );
  }
  const engine = choice === 'zeromq' || encrypted ? zeromq : zmtp;
  if (engine.supports(connection)) return engine;
  throw new ProvisionerError(
    'INVALID_CONNECTION_INFO',
    'the kernel is reached through a transport of its own, which the zeromq engine cannot use: choose `auto` or `zmtp`',
  );
}
