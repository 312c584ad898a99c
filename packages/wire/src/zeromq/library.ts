import { isIPv6 } from 'node:net';
import type * as zeromq from 'zeromq';
import { ProvisionerError } from '@gateway-provisioners/core';
import type { ChannelName, ConnectionInfo } from '@gateway-provisioners/core';
import { channelAddress } from '../channel-socket-options.ts';

/** The npm package `zeromq` (libzmq with bindings). Nothing else in these packages imports it. */
export type ZeromqLibrary = typeof zeromq;

const MAX_SOCKETS = 65_535;
const ZMQ_ROUTING_ID = 5;

let loading: Promise<ZeromqLibrary> | undefined;

/**
 * Loads the library when it is first needed: a gateway whose kernels do not encrypt never does.
 * Errors: `ENCRYPTION_UNAVAILABLE` when there is no binary for this platform.
 */
export function loadZeromq(): Promise<ZeromqLibrary> {
  loading ??= import('zeromq').then(
    (library) => {
      // Has to come before the first socket: the context then lays out its table.
      library.context.maxSockets = Math.min(MAX_SOCKETS, library.context.maxSocketsLimit);
      return library;
    },
    (error: unknown) => {
      loading = undefined;
      throw new ProvisionerError('ENCRYPTION_UNAVAILABLE', 'the npm package zeromq cannot be loaded here', {
        cause: error,
      });
    },
  );
  return loading;
}

export type DealerSocket = InstanceType<ZeromqLibrary['Dealer']>;
export type SubscriberSocket = InstanceType<ZeromqLibrary['Subscriber']>;

/** A DEALER whose routing id is any bytes; the bindings' own property takes text only. */
export function createDealer(
  library: ZeromqLibrary,
  options: { readonly identity: Buffer; readonly ip: string },
): DealerSocket {
  class IdentifiedDealer extends library.Dealer {
    setIdentity(identity: Buffer): void {
      this.setStringOption(ZMQ_ROUTING_ID, identity);
    }
  }
  const socket = withIpv6(library, options.ip, () => new IdentifiedDealer());
  socket.setIdentity(options.identity);
  return socket;
}

/** A SUB socket that wants everything. */
export function createSubscriber(library: ZeromqLibrary, options: { readonly ip: string }): SubscriberSocket {
  const socket = withIpv6(library, options.ip, () => new library.Subscriber());
  socket.subscribe();
  return socket;
}

/**
 * Makes a socket that can use `ip`. Sockets take IPv6 over from the context when they are made. It is not on for all:
 * libzmq would then look for IPv6 addresses only of a host that has both.
 */
export function withIpv6<T>(library: ZeromqLibrary, ip: string, make: () => T): T {
  const { context } = library;
  const before = context.ipv6;
  context.ipv6 = isIPv6(ip);
  try {
    return make();
  } finally {
    context.ipv6 = before;
  }
}

/** The library's address of a port. Errors: `INVALID_CONNECTION_INFO`. */
export function zeromqAddress(info: ConnectionInfo, channel: ChannelName): string {
  const address = channelAddress(info, channel);
  if ('path' in address) return `ipc://${address.path}`;
  const host = isIPv6(address.host) ? `[${address.host}]` : address.host;
  return `tcp://${host}:${address.port}`;
}
