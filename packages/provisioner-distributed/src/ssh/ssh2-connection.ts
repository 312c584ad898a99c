import type { Duplex } from 'node:stream';
import type { AnyAuthMethod, Client, ClientChannel, SFTPWrapper } from 'ssh2';
import { raceSignal, throwIfAborted } from '@gateway-provisioners/core';
import { hostKeyAlgorithms } from './host-key-policy.ts';
import type { HostKeyQuestion } from './host-key-policy.ts';
import type {
  SftpSession,
  SshAddress,
  SshConnection,
  SshExecOptions,
  SshExecResult,
  SshReverseForward,
  SshTarget,
} from './ssh-connection.ts';
import { channelError, connectError, connectionLost } from './ssh-errors.ts';
import { Ssh2SftpSession } from './ssh2-sftp.ts';

export interface Ssh2Options {
  readonly target: SshTarget;
  readonly keys: readonly string[];
  readonly known: HostKeyQuestion['known'];
  /** Throws when the key must not be trusted. */
  readonly judge: (blob: Buffer) => Promise<void>;
  /** A stream to the server through another host. */
  readonly sock?: Duplex | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The only command that is ever run: what it does stands on its standard input. */
const COMMAND = 'exec /bin/sh';

/**
 * Connects and logs in. The library is loaded with the first connection.
 * Errors: `HOST_UNREACHABLE`, `HOST_AUTHENTICATION_FAILED`, `HOST_KEY_REJECTED`, `CANCELLED`.
 */
export async function connectSsh2(options: Ssh2Options): Promise<SshConnection> {
  const { target, signal } = options;
  const { default: ssh2 } = await import('ssh2');
  throwIfAborted(signal);
  const client = new ssh2.Client();
  let judgement: unknown;
  const ready = new Promise<void>((resolve, reject) => {
    client.once('ready', resolve);
    client.on('error', (error) => {
      // An agent that cannot be asked is passed over; the next way to log in is tried.
      if (!('level' in error && error.level === 'agent')) reject(connectError(judgement ?? error, target));
    });
    client.once('close', () => {
      reject(connectError(judgement ?? new Error('the server closed the connection'), target));
    });
  });
  ready.catch(() => undefined);
  const connection = new Ssh2Connection(client);
  try {
    client.connect({
      ...(options.sock === undefined ? { host: target.host, port: target.port } : { sock: options.sock }),
      username: target.user,
      keepaliveInterval: target.keepaliveIntervalMs,
      keepaliveCountMax: target.keepaliveCountMax,
      readyTimeout: target.connectTimeoutMs,
      algorithms: { serverHostKey: hostKeyAlgorithms(options.known) },
      hostVerifier: (key: Buffer, verify: (isValid: boolean) => void) => {
        options.judge(key).then(
          () => {
            verify(true);
          },
          (error: unknown) => {
            judgement = error;
            verify(false);
          },
        );
      },
      authHandler: authMethods(options),
    });
    await raceSignal(ready, signal);
    return connection;
  } catch (error) {
    client.destroy();
    options.sock?.destroy();
    throw connectError(error, target);
  }
}

function authMethods({ target, keys }: Ssh2Options): AnyAuthMethod[] {
  const { user: username, agent, password } = target;
  return [
    ...keys.map((key): AnyAuthMethod => ({ type: 'publickey', username, key })),
    ...(agent === undefined ? [] : [{ type: 'agent', username, agent } satisfies AnyAuthMethod]),
    ...(password === undefined
      ? []
      : [
          { type: 'password', username, password } satisfies AnyAuthMethod,
          {
            type: 'keyboard-interactive',
            username,
            prompt: (...[, , , prompts, finish]) => {
              finish(prompts.map(() => password));
            },
          } satisfies AnyAuthMethod,
        ]),
  ];
}

class Ssh2Connection implements SshConnection {
  readonly closed: Promise<Error | undefined>;
  #isOpen = true;
  readonly #client: Client;
  readonly #reverse = new Map<number, (stream: Duplex) => void>();
  /** What waits for the server and would wait for ever once the connection is gone. */
  readonly #pending = new Set<(cause: Error | undefined) => void>();

  constructor(client: Client) {
    this.#client = client;
    this.closed = new Promise((resolve) => {
      let reason: Error | undefined;
      client.on('error', (error) => {
        reason = error;
      });
      client.once('close', () => {
        this.#isOpen = false;
        for (const fail of [...this.#pending]) fail(reason);
        resolve(reason);
      });
    });
    client.on('tcp connection', (details, accept, reject) => {
      const take = this.#reverse.get(details.destPort);
      if (take === undefined) reject();
      else take(accept());
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  async exec(options: SshExecOptions): Promise<SshExecResult> {
    const channel = await this.#open<ClientChannel>('a command', options, (done) => {
      this.#client.exec(COMMAND, done);
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    channel.on('data', (chunk: Buffer) => {
      if (options.onStdout === undefined) stdout.push(chunk);
      else options.onStdout(chunk);
    });
    channel.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    const ended = new Promise<SshExecResult>((resolve, reject) => {
      channel.on('error', (error: Error) => {
        reject(connectionLost('a command', error));
      });
      // What it ended with comes with `close`, which waits for its output to be read: `exit` may have passed before
      // anybody could listen, when the server sends all of a short answer at once.
      channel.once('close', (code: number | null | undefined) => {
        if (code === undefined) reject(connectionLost('a command was running, and it is not known how it ended'));
        else resolve({ stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr), exitCode: code ?? undefined });
      });
    });
    channel.end(options.stdin);
    try {
      return await raceSignal(ended, options.signal);
    } finally {
      channel.close();
    }
  }

  async forwardOut(address: SshAddress, options: { readonly signal?: AbortSignal | undefined }): Promise<Duplex> {
    const what = `a stream to ${address.host}:${String(address.port)}`;
    return await this.#open<ClientChannel>(what, options, (done) => {
      this.#client.forwardOut('127.0.0.1', 0, address.host, address.port, done);
    });
  }

  async forwardIn(
    onConnection: (stream: Duplex) => void,
    options: { readonly signal?: AbortSignal | undefined },
  ): Promise<SshReverseForward> {
    const what = 'a port of the host for what kernels report';
    const port = await this.#whileOpen<number>(what, options, (done) => {
      this.#client.forwardIn('127.0.0.1', 0, done);
    });
    this.#reverse.set(port, onConnection);
    return {
      port,
      close: async () => {
        this.#reverse.delete(port);
        if (!this.#isOpen) return;
        await new Promise<void>((resolve) => {
          this.#client.unforwardIn('127.0.0.1', port, () => {
            resolve();
          });
        });
      },
    };
  }

  async sftp(options: { readonly signal?: AbortSignal | undefined }): Promise<SftpSession> {
    const session = await this.#open<SFTPWrapper>('file transfer', options, (done) => {
      this.#client.sftp(done);
    });
    return new Ssh2SftpSession(session);
  }

  close(): void {
    this.#client.end();
    // `end` waits for the other side, which may be gone.
    this.#client.destroy();
  }

  async #open<Channel extends { destroy?(): unknown }>(
    what: string,
    options: { readonly signal?: AbortSignal | undefined },
    open: (done: Done<Channel>) => void,
  ): Promise<Channel> {
    let isWanted = true;
    try {
      return await this.#whileOpen<Channel>(what, options, (done) => {
        open((error, channel) => {
          if (!isWanted && !isFailure(error)) channel.destroy?.();
          done(error, channel);
        });
      });
    } catch (error) {
      isWanted = false;
      throw error;
    }
  }

  /** One request to the server; fails when the connection does. */
  async #whileOpen<T>(
    what: string,
    options: { readonly signal?: AbortSignal | undefined },
    ask: (done: Done<T>) => void,
  ): Promise<T> {
    throwIfAborted(options.signal);
    if (!this.#isOpen) throw connectionLost(what);
    let fail: (cause: Error | undefined) => void = () => undefined;
    const asking = new Promise<T>((resolve, reject) => {
      fail = (cause) => {
        reject(connectionLost(what, cause));
      };
      this.#pending.add(fail);
      try {
        ask((error, value) => {
          if (isFailure(error)) reject(channelError(error, what));
          else resolve(value);
        });
      } catch (error) {
        reject(channelError(error, what));
      }
    });
    try {
      return await raceSignal(asking, options.signal);
    } finally {
      this.#pending.delete(fail);
    }
  }
}

type Done<T> = (error: Error | null | undefined, value: T) => void;

function isFailure(error: Error | null | undefined): error is Error {
  return error !== undefined && error !== null;
}
