import { once } from 'node:events';
import { Socket } from 'node:net';
import { channelNames } from '@gateway-provisioners/core';
import type { ConnectionInfo, DialComm } from '@gateway-provisioners/core';
import type { LauncherFacts, WayToKernel } from '@gateway-provisioners/core/remote';

/** Where the ports of a container are reached from here. */
export interface ContainerPlace {
  readonly address: string;
  /** Errors: `LAUNCH_FAILED` for a port that is not reached. */
  portOf(containerPort: number): number;
}

/**
 * A kernel in a container listens on all of its addresses, and says so, and knows its ports there: we know where they
 * are reached from here.
 */
export function wayToContainer({ connection }: LauncherFacts, container: ContainerPlace): WayToKernel {
  const ports = ([...channelNames, 'hb'] as const).map((channel) => {
    const name = `${channel}_port` as const;
    return [name, container.portOf(connection[name])] as const;
  });
  const info: ConnectionInfo = { ...connection, ...Object.fromEntries(ports), ip: container.address };
  const dialComm: DialComm = async ({ port }, { signal }) => {
    const socket = new Socket({ signal });
    socket.connect({ host: container.address, port: container.portOf(port), noDelay: true });
    await once(socket, 'connect');
    return socket;
  };
  return { connection: { info }, commHost: container.address, dialComm };
}
