import { spawn } from 'node:child_process';
import { once } from 'node:events';
import ssh2 from 'ssh2';
import type { Connection, ServerChannel } from 'ssh2';

/** An SSH server on the loopback that runs /bin/sh for whoever comes, and allows so many sessions on a connection. */
export class SmallSshServer implements AsyncDisposable {
  /** Connections that were made. */
  made = 0;
  /** Times that a session was refused. */
  refused = 0;
  readonly #server: ssh2.Server;
  readonly #connections = new Set<Connection>();

  private constructor(maxSessions: number) {
    const hostKeys = [ssh2.utils.generateKeyPairSync('ed25519').private];
    this.#server = new ssh2.Server({ hostKeys }, (connection) => {
      this.#accept(connection, maxSessions);
    });
  }

  static async open(options: { readonly maxSessions: number; readonly port?: number }): Promise<SmallSshServer> {
    const server = new SmallSshServer(options.maxSessions);
    server.#server.listen(options.port ?? 0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    return address.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close');
    for (const connection of this.#connections) connection.end();
    this.#server.close();
    await closed;
  }

  #accept(connection: Connection, maxSessions: number): void {
    let sessions = 0;
    this.#connections.add(connection);
    connection.on('error', () => undefined);
    connection.on('close', () => this.#connections.delete(connection));
    connection.on('authentication', (context) => {
      context.accept();
    });
    connection.on('ready', () => {
      this.made += 1;
    });
    connection.on('session', (accept, reject) => {
      if (sessions >= maxSessions) {
        this.refused += 1;
        reject();
        return;
      }
      sessions += 1;
      accept().on('exec', (acceptCommand) => {
        const channel = acceptCommand();
        channel.on('close', () => {
          sessions -= 1;
        });
        runShell(channel);
      });
    });
  }
}

function runShell(channel: ServerChannel): void {
  const child = spawn('/bin/sh', [], { stdio: 'pipe', env: { PATH: '/usr/bin:/bin' } });
  child.stdin.on('error', () => undefined);
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  channel.on('close', () => child.kill('SIGKILL'));
  child.on('close', (code) => {
    channel.exit(code ?? 1);
    channel.end();
  });
}
