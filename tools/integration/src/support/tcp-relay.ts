import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';

/** A loopback relay in front of a server, to cut connections as a network does. */
export interface TcpRelay extends AsyncDisposable {
  /** The server's URL through the relay. */
  readonly url: string;
  /** Connections that were relayed since it was opened. */
  readonly accepted: number;
  /** Ends all connections with a TCP reset, on both sides: neither end has said good-bye. */
  cut(): void;
  /** While false, new connections are reset at once. */
  reachable: boolean;
}

export async function openTcpRelay(options: { readonly target: string }): Promise<TcpRelay> {
  const target = new URL(options.target);
  const sockets = new Set<Socket>();
  const state = { accepted: 0, reachable: true };
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const server = createServer({ noDelay: true }, (inner) => {
    keep(inner);
    if (!state.reachable) {
      inner.resetAndDestroy();
      return;
    }
    state.accepted += 1;
    const outer = connect({ host: target.hostname, port: Number(target.port), noDelay: true });
    keep(outer);
    inner.pipe(outer).pipe(inner);
    inner.on('close', () => outer.destroy());
    outer.on('close', () => inner.destroy());
  }).listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  const url = new URL(target);
  url.port = String(address.port);
  return {
    url: url.href,
    get accepted() {
      return state.accepted;
    },
    cut,
    get reachable() {
      return state.reachable;
    },
    set reachable(value) {
      state.reachable = value;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}
