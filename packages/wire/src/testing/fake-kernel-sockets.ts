import { randomBytes, randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { connect, isIPv6 } from 'node:net';
import type { NetConnectOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ResourceStack, delay } from '@gateway-provisioners/core';
import type { ConnectionInfo } from '@gateway-provisioners/core';
import type { Frames } from '../channel-socket.ts';
import { loadZeromq } from '../zeromq/library.ts';
import type { ZeromqLibrary } from '../zeromq/library.ts';
import { BoundSocket } from './bound-socket.ts';

export type FakeRequestChannel = 'shell' | 'control' | 'stdin';

/** A message that a client sent to one of the fake kernel's ROUTER sockets. */
export interface FakeKernelRequest {
  readonly channel: FakeRequestChannel;
  /** The routing id of the client's DEALER. */
  readonly identity: Buffer;
  /** As the client sent them, without the routing id. */
  readonly frames: Frames;
  /** Sends to the same client on the same channel. */
  reply(frames: Frames): void;
}

export interface FakeKernelSocketsOptions {
  /** Default `tcp`. */
  readonly transport?: 'tcp' | 'ipc' | undefined;
  /** Address to bind, or for `ipc` the prefix of the socket paths. Default 127.0.0.1, or a prefix in the temp folder. */
  readonly ip?: string | undefined;
  /** HMAC key in the connection info; it is not used here: frames pass as they are. Default random. */
  readonly key?: string | undefined;
  /** Make the sockets CURVE servers, as kernels do under transport encryption. Default false. */
  readonly curve?: boolean | undefined;
  /** Type of the iopub socket. Default XPUB, as in ipykernel; only then subscriptions can be waited for. */
  readonly iopub?: 'PUB' | 'XPUB' | undefined;
  /** Messages that iopub holds per client before it drops; 0 is no bound. Default 0. */
  readonly publishHighWaterMark?: number | undefined;
  /** Bind the ports (and use the keys) of this connection: a kernel that was restarted. */
  readonly at?: ConnectionInfo | undefined;
  /** Heartbeat of libzmq on all sockets, in milliseconds. Default 0, off. */
  readonly heartbeatIntervalMs?: number | undefined;
  readonly onRequest?: ((request: FakeKernelRequest) => void) | undefined;
}

const requestChannels: readonly FakeRequestChannel[] = ['shell', 'control', 'stdin'];
const BIND_ATTEMPTS = 200;
const BIND_RETRY_MS = 10;

/** The sockets of a kernel, from libzmq, without a kernel behind them. */
export class FakeKernelSockets implements AsyncDisposable {
  readonly connection: ConnectionInfo;
  readonly #sockets: ReadonlyMap<string, BoundSocket>;
  readonly #stack: ResourceStack;

  private constructor(connection: ConnectionInfo, sockets: ReadonlyMap<string, BoundSocket>, stack: ResourceStack) {
    this.connection = connection;
    this.#sockets = sockets;
    this.#stack = stack;
  }

  static async bind(options: FakeKernelSocketsOptions = {}): Promise<FakeKernelSockets> {
    const library = await loadZeromq();
    await using stack = new ResourceStack();
    const info = firstInfo(options, library);
    const sockets = new Map<string, BoundSocket>();
    const open = async (name: PortName, make: () => BoundSocket): Promise<number> => {
      const socket = stack.use(make());
      sockets.set(name, socket);
      return await bindPort(socket, { info, port: info[`${name}_port`] });
    };
    const common = { library, info, heartbeatIntervalMs: options.heartbeatIntervalMs ?? 0 };
    const ports = {
      hb_port: await open('hb', () =>
        BoundSocket.router({
          ...common,
          onMessage: ([identity, ...frames], self) => {
            if (identity !== undefined) self.send([identity, ...frames]);
          },
        }),
      ),
      iopub_port: await open('iopub', () =>
        BoundSocket.publisher({
          ...common,
          type: options.iopub ?? 'XPUB',
          highWaterMark: options.publishHighWaterMark ?? 0,
        }),
      ),
      shell_port: 0,
      control_port: 0,
      stdin_port: 0,
    };
    for (const channel of requestChannels) {
      ports[`${channel}_port`] = await open(channel, () =>
        BoundSocket.router({
          ...common,
          onMessage: ([identity, ...frames], self) => {
            if (identity === undefined) return;
            options.onRequest?.({
              channel,
              identity,
              frames,
              reply: (answer) => {
                self.send([identity, ...answer]);
              },
            });
          },
        }),
      );
    }
    for (const socket of sockets.values()) socket.start();
    return new FakeKernelSockets({ ...info, ...ports }, sockets, stack.move());
  }

  /** Sends to one client of a ROUTER socket; waits up to 2 s for the client to connect. */
  send(channel: FakeRequestChannel, identity: Buffer, frames: Frames): void {
    this.#sockets.get(channel)?.send([identity, ...frames], { patient: true });
  }

  /** Sends to every subscriber of iopub. */
  publish(frames: Frames): void {
    this.#sockets.get('iopub')?.send(frames);
  }

  /** Settles when all that was sent or published has been handed to libzmq. */
  async flushed(): Promise<void> {
    for (const socket of this.#sockets.values()) await socket.flushed();
  }

  /** Settles when iopub has had `count` subscriptions since it was bound. Needs XPUB. */
  async subscribed(count = 1): Promise<void> {
    await this.#sockets.get('iopub')?.received(count);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
    await unreachable(this.connection);
  }
}

const portNames = ['shell', 'iopub', 'stdin', 'control', 'hb'] as const;
type PortName = (typeof portNames)[number];

function firstInfo(options: FakeKernelSocketsOptions, library: ZeromqLibrary): ConnectionInfo {
  if (options.at !== undefined) return options.at;
  const transport = options.transport ?? 'tcp';
  const pair = options.curve === true ? library.curveKeyPair() : undefined;
  const isIpc = transport === 'ipc';
  return {
    transport,
    ip: options.ip ?? (isIpc ? join(tmpdir(), `gp-fake-${randomBytes(6).toString('hex')}`) : '127.0.0.1'),
    shell_port: isIpc ? 1 : 0,
    iopub_port: isIpc ? 2 : 0,
    stdin_port: isIpc ? 3 : 0,
    control_port: isIpc ? 4 : 0,
    hb_port: isIpc ? 5 : 0,
    key: options.key ?? randomUUID(),
    signature_scheme: 'hmac-sha256',
    kernel_name: 'fake',
    ...(pair === undefined ? {} : { curve_publickey: pair.publicKey, curve_secretkey: pair.secretKey }),
  };
}

async function bindPort(
  socket: BoundSocket,
  { info, port }: { readonly info: ConnectionInfo; readonly port: number },
): Promise<number> {
  if (info.transport === 'ipc') {
    await socket.bind(`ipc://${info.ip}-${port}`);
    return port;
  }
  const host = isIPv6(info.ip) ? `[${info.ip}]` : info.ip;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return Number(/:(\d+)$/.exec(await socket.bind(`tcp://${host}:${port === 0 ? '*' : port}`))?.[1]);
    } catch (error) {
      // libzmq gives a closed socket's port back in its own time.
      if (port === 0 || attempt >= BIND_ATTEMPTS) throw error;
      await delay(BIND_RETRY_MS);
    }
  }
}

/**
 * libzmq closes its listeners some time after their sockets: until then they accept, and even greet, clients that are
 * meant for a successor. Socket files stay.
 */
async function unreachable(info: ConnectionInfo): Promise<void> {
  for (const name of portNames) {
    const port = info[`${name}_port`];
    const address = info.transport === 'ipc' ? { path: `${info.ip}-${port}` } : { host: info.ip, port };
    for (let attempt = 0; attempt < BIND_ATTEMPTS && (await accepts(address)); attempt += 1) await delay(BIND_RETRY_MS);
    if ('path' in address) await rm(address.path, { force: true });
  }
}

async function accepts(address: NetConnectOpts): Promise<boolean> {
  return await new Promise<boolean>((resolve) => {
    const socket = connect(address);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}
