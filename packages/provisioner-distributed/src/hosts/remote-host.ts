import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { Duplex } from 'node:stream';
import type { Clock, Logger } from '@gateway-provisioners/core';
import { errorMessage, withDeadline } from '@gateway-provisioners/core';
import { runProgram } from '../shell/run-program.ts';
import { discardProgram, unpackProgram } from '../shell/unpack-program.ts';
import type { SftpSession, SshAddress, SshExecOptions, SshExecResult } from '../ssh/ssh-connection.ts';
import type { SshHost } from '../ssh/ssh-host.ts';
import type { Bundle, HostCall, KernelHost, ResponseWay } from './kernel-host.ts';

/** For the removal of what nobody waits for any more. */
const DISCARD_MS = 20_000;

export interface RemoteHostOptions {
  readonly isTunnelled: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Another machine, over SSH. */
export class RemoteHost implements KernelHost {
  readonly name: string;
  readonly address: string;
  readonly isTunnelled: boolean;
  readonly isLocal = false;
  readonly user = undefined;
  readonly #ssh: SshHost;
  readonly #clock: Clock;
  readonly #logger: Logger;

  constructor(name: string, ssh: SshHost, options: RemoteHostOptions) {
    this.name = name;
    this.#ssh = ssh;
    this.#clock = options.clock;
    this.#logger = options.logger;
    this.address = ssh.target.host;
    // Nothing but the jump host can reach it.
    this.isTunnelled = options.isTunnelled || ssh.target.via !== undefined;
  }

  get id(): string {
    return this.#ssh.id;
  }

  get machine(): string {
    const { host, port, via } = this.#ssh.target;
    return `${host.toLowerCase()}:${String(port)}${via === undefined ? '' : ` through ${via.host}`}`;
  }

  get login(): KernelHost {
    return this;
  }

  get avoidUntil(): number | undefined {
    return this.#ssh.avoidUntil;
  }

  async exec(options: SshExecOptions): Promise<SshExecResult> {
    return await this.#ssh.exec(options);
  }

  async execAside(options: SshExecOptions): Promise<SshExecResult> {
    return await this.#ssh.execAside(options);
  }

  async dial(address: SshAddress, call: HostCall): Promise<Duplex> {
    return await this.#ssh.forwardOut(address, call);
  }

  async openResponseWay(responseAddress: string, call: HostCall): Promise<ResponseWay> {
    if (!this.isTunnelled) return { address: responseAddress, [Symbol.asyncDispose]: () => Promise.resolve() };
    const forward = await this.#ssh.forwardIn((stream) => {
      void this.#passOn(stream, responseAddress);
    }, call);
    let closing: Promise<void> | undefined;
    return {
      address: `127.0.0.1:${String(forward.port)}`,
      [Symbol.asyncDispose]: async () => {
        closing ??= forward.close();
        await closing;
      },
    };
  }

  async upload(bundle: Bundle, remoteDir: string, call: HostCall): Promise<void> {
    // The home folder is where file transfer begins.
    const base = remoteDir.startsWith('~/') ? remoteDir.slice(2) : remoteDir;
    const target = `${base}/launchers/${bundle.hash}`;
    const unfinished = `${target}.${randomUUID()}`;
    try {
      await this.#ssh.withSftp(call, async (sftp) => {
        await putAll(sftp, bundle, unfinished);
        await sftp.rename(unfinished, target);
      });
    } catch (error) {
      if (call.signal?.aborted === true) {
        await this.#discard(unfinished);
        throw error;
      }
      // A server without file transfer, or a profile that prints and so spoils it. This program also removes what was
      // begun, and is done at once when somebody else was first.
      this.#logger.debug('file transfer failed; trying without', { host: this.name, error: errorMessage(error) });
      await runProgram(this, unpackProgram(bundle, { unfinished, target }), call);
    }
  }

  hold(): Disposable {
    return this.#ssh.hold();
  }

  async #discard(unfinished: string): Promise<void> {
    const what = `the removal of launchers that were not wanted any more, on ${this.name}`;
    try {
      await withDeadline({ what, timeoutMs: DISCARD_MS, clock: this.#clock }, async ({ signal }) => {
        await runProgram(this, discardProgram(unfinished), { signal });
      });
    } catch (error) {
      this.#logger.warn('launchers that were copied in part could not be removed', {
        host: this.name,
        folder: unfinished,
        error: errorMessage(error),
      });
    }
  }

  /** A launcher's connection, through the tunnel, to the response listener. */
  async #passOn(stream: Duplex, responseAddress: string): Promise<void> {
    const at = responseAddress.lastIndexOf(':');
    const host = responseAddress.slice(0, at).replace(/^\[|\]$/g, '');
    const socket = connect({ host, port: Number(responseAddress.slice(at + 1)), allowHalfOpen: true });
    try {
      await once(socket, 'connect');
      await Promise.all([pipeline(stream, socket), pipeline(socket, stream)]);
    } catch (error) {
      this.#logger.warn('what a launcher reported could not be passed on', {
        host: this.name,
        error: errorMessage(error),
      });
    } finally {
      socket.destroy();
      stream.destroy();
    }
  }
}

async function putAll(sftp: SftpSession, bundle: Bundle, folder: string): Promise<void> {
  const made = new Set<string>();
  const make = async (path: string): Promise<void> => {
    if (made.has(path)) return;
    made.add(path);
    await sftp.makeFolder(path);
  };
  await make(folder);
  for (const { path, content, isExecutable } of bundle.files) {
    const parts = path.split('/').slice(0, -1);
    for (let depth = 1; depth <= parts.length; depth += 1) await make(`${folder}/${parts.slice(0, depth).join('/')}`);
    await sftp.put(`${folder}/${path}`, content, isExecutable ? 0o755 : 0o644);
  }
}
