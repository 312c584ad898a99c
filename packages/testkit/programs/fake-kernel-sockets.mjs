/** The five sockets of a kernel, with libzmq: the reference implementation at the other end of our own engines. */
import { Publisher, Reply, Router } from 'zeromq';

/** Binds what a connection file names. Rejects when a port is taken. */
export async function bindSockets(info) {
  const curve = info.curve_secretkey === undefined ? {} : { curveServer: true, curveSecretKey: info.curve_secretkey };
  // A kernel of a test must not be the one that drops messages: no high-water mark.
  const options = { ...curve, sendHighWaterMark: 0, linger: 500 };
  const sockets = {
    shell: new Router(options),
    iopub: new Publisher(options),
    stdin: new Router(options),
    control: new Router(options),
    heartbeat: new Reply({ ...curve, linger: 0 }),
  };
  const ports = {
    shell: info.shell_port,
    iopub: info.iopub_port,
    stdin: info.stdin_port,
    control: info.control_port,
    heartbeat: info.hb_port,
  };
  for (const [name, socket] of Object.entries(sockets)) {
    if (info.ip.includes(':')) socket.ipv6 = true;
    await socket.bind(address(info, ports[name]));
  }
  return { ...sockets, close: () => Object.values(sockets).forEach((socket) => socket.close()) };
}

function address(info, port) {
  if (info.transport === 'ipc') return `ipc://${info.ip}-${port}`;
  return `tcp://${info.ip.includes(':') ? `[${info.ip}]` : info.ip}:${port}`;
}
