import type { ChannelName, ConnectionInfo } from '@gateway-provisioners/core';
import type { LauncherFacts, WayToKernel } from '@gateway-provisioners/core/remote';
import type { KernelHost } from './hosts/kernel-host.ts';

/** How a kernel on a host is reached: at the host's address, or through the SSH connection. */
export function wayTo(host: KernelHost, { connection }: LauncherFacts): WayToKernel {
  if (!host.isTunnelled) {
    return { connection: { info: { ...connection, ip: host.address } }, commHost: host.address };
  }
  const info: ConnectionInfo = { ...connection, ip: '127.0.0.1' };
  return {
    connection: {
      info,
      // The connection may be made anew underneath: whoever loses a stream asks for another.
      transport: {
        connect: async (channel, { signal }) =>
          await host.dial({ host: '127.0.0.1', port: portOf(info, channel) }, { signal }),
      },
    },
    commHost: '127.0.0.1',
    dialComm: async ({ port }, { signal }) => await host.dial({ host: '127.0.0.1', port }, { signal }),
  };
}

function portOf(info: ConnectionInfo, channel: ChannelName): number {
  switch (channel) {
    case 'shell':
      return info.shell_port;
    case 'iopub':
      return info.iopub_port;
    case 'stdin':
      return info.stdin_port;
    case 'control':
      return info.control_port;
  }
}
