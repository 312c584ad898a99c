import { spawn } from 'node:child_process';
import { Agent } from 'node:http';
import { Duplex } from 'node:stream';

export interface SshAgentOptions {
  /** `user@host` or `host`; checked by whoever parsed it. */
  readonly destination: string;
  readonly port?: number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * HTTP connections through the system's `ssh`, as the Docker CLI makes them: the constant command `docker system
 * dial-stdio` on the other side. Host keys, identities and proxies are ssh's own matter.
 */
export class SshAgent extends Agent {
  readonly #options: SshAgentOptions;
  readonly #open = new Set<Duplex>();

  constructor(options: SshAgentOptions) {
    // Kept alive, a connection would have to be a TCP socket. Those who want one login for all have ssh's ControlMaster.
    super({ keepAlive: false, maxSockets: 8 });
    this.#options = options;
  }

  override createConnection(): Duplex {
    const { destination, port, env } = this.#options;
    const portOption = port === undefined ? [] : ['-p', String(port)];
    const argv = ['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=20', '-T', ...portOption, '--', destination];
    const child = spawn('ssh', [...argv, 'docker', 'system', 'dial-stdio'], { env, stdio: 'pipe' });
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      words = (words + text).slice(-2_000);
    });
    // ssh says why it ended when it has ended: neither the end of its output nor a write that fails is told before.
    child.stdin.on('error', () => undefined);
    const stream = new Duplex({
      read: () => child.stdout.resume(),
      write: (chunk: Buffer, _, done) => {
        if (child.stdin.write(chunk) || child.stdin.destroyed) done();
        else child.stdin.once('drain', done);
      },
      final: (done) => child.stdin.end(done),
      destroy: (error, done) => {
        child.kill();
        done(error);
      },
    });
    child.stdout.on('data', (chunk: Buffer) => {
      if (!stream.push(chunk)) child.stdout.pause();
    });
    child.on('error', (error) => stream.destroy(error));
    child.on('close', (code) => {
      this.#open.delete(stream);
      if (code === 0) stream.push(null);
      else stream.destroy(new Error(`ssh ended with ${String(code)}: ${words.trim()}`));
    });
    this.#open.add(stream);
    return stream;
  }

  override destroy(): void {
    super.destroy();
    for (const stream of this.#open) stream.destroy();
  }
}
