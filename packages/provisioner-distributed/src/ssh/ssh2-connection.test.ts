import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { settle } from '@gateway-provisioners/core/testing';
import ssh2 from 'ssh2';
import type { ServerChannel } from 'ssh2';
import type { SshConnection } from './ssh-connection.ts';
import { connectSsh2 } from './ssh2-connection.ts';

/** One end of a cable within this process; what the other end gets can be kept back, and then comes as one piece. */
class CableEnd extends Socket {
  other: CableEnd | undefined;
  #kept: Buffer[] | undefined;

  keepBack(): void {
    this.#kept = [];
  }

  release(): void {
    const kept = this.#kept ?? [];
    this.#kept = undefined;
    this.#deliver(Buffer.concat(kept));
  }

  /**
   * Later, and a copy, as through a system: where the library's cryptography is not compiled it writes a packet in parts, out
   * of memory that it uses again, and cannot be answered before the last of them.
   */
  #deliver(chunk: Buffer | null): void {
    const copy = chunk === null ? null : Buffer.from(chunk);
    setImmediate(() => this.other?.push(copy));
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.#kept === undefined) this.#deliver(chunk);
    else this.#kept.push(chunk);
    done();
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), '', done);
  }

  override _read(): void {
    // Whatever comes is pushed.
  }

  override _final(done: () => void): void {
    this.#deliver(null);
    done();
  }
}

const hostKeys = [ssh2.utils.generateKeyPairSync('ed25519').private];
let answer: (channel: ServerChannel) => void;
let connection: SshConnection;

beforeEach(async () => {
  const [near, far] = [new CableEnd(), new CableEnd()];
  near.other = far;
  far.other = near;
  const server = new ssh2.Server({ hostKeys }, (client) => {
    client.on('error', () => undefined);
    client.on('authentication', (context) => {
      context.accept();
    });
    client.on('session', (accept) => {
      accept().on('exec', (acceptCommand) => {
        // As from a program that ends at once, read by a client that was busy meanwhile.
        far.keepBack();
        answer(acceptCommand());
        void settle().then(() => {
          far.release();
        });
      });
    });
  });
  server.injectSocket(far);
  connection = await connectSsh2({
    target: {
      name: 'here',
      host: '127.0.0.1',
      port: 22,
      user: 'somebody',
      hostKeyName: '127.0.0.1',
      knownHostsFiles: [],
      hostKeyChecking: 'strict',
      keyFiles: [],
      keyFilesRequired: false,
      password: 'any',
      keepaliveIntervalMs: 0,
      keepaliveCountMax: 4,
      connectTimeoutMs: 25_000,
    },
    keys: [],
    known: { trusted: [], revoked: [], hasAuthority: false },
    judge: () => Promise.resolve(),
    sock: near,
  });
});
afterEach(async () => {
  connection.close();
  await connection.closed;
});

describe('a command', () => {
  test('that has ended before anybody listened tells its status and all that it wrote', async () => {
    answer = (channel) => {
      channel.write('This account is currently not available.\n');
      channel.stderr.write('sorry\n');
      channel.exit(1);
      channel.end();
    };
    const { stdout, stderr, exitCode } = await connection.exec({ stdin: Buffer.from('exit 0') });
    expect([stdout.toString(), stderr.toString(), exitCode]).toEqual([
      'This account is currently not available.\n',
      'sorry\n',
      1,
    ]);
  });

  test('that a signal has ended has no status', async () => {
    answer = (channel) => {
      channel.exit('KILL', false, '');
      channel.end();
    };
    expect(await connection.exec({ stdin: Buffer.alloc(0) })).toMatchObject({ exitCode: undefined });
  });

  test('whose end is not told is lost', async () => {
    answer = (channel) => {
      channel.write('begun');
      channel.end();
    };
    await expect(connection.exec({ stdin: Buffer.alloc(0) })).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });
});
