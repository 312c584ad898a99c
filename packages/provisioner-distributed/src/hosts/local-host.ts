import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import { KernelFailureError, abortError, errorMessage, sendSignal } from '@gateway-provisioners/core';
import type { SshAddress, SshExecOptions, SshExecResult } from '../ssh/ssh-connection.ts';
import type { Bundle, HostCall, KernelHost, ResponseWay } from './kernel-host.ts';

const SIGKILL = 9;

/** This machine: the same programs, run without SSH. */
export class LocalHost implements KernelHost {
  readonly id = 'local';
  readonly machine = 'local';
  readonly name: string;
  readonly address = '127.0.0.1';
  readonly isTunnelled = false;
  readonly isLocal = true;
  readonly avoidUntil = undefined;
  readonly user = undefined;
  readonly #env: Readonly<Record<string, string | undefined>>;

  constructor(name: string, env: Readonly<Record<string, string | undefined>>) {
    this.name = name;
    this.#env = { PATH: env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin', HOME: env['HOME'] ?? '/' };
  }

  get login(): KernelHost {
    return this;
  }

  async exec(options: SshExecOptions): Promise<SshExecResult> {
    const child = spawn('/bin/sh', [], { env: this.#env, stdio: 'pipe', detached: true });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => {
      if (options.onStdout === undefined) stdout.push(chunk);
      else options.onStdout(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    // It may end before it has read all.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.stdin);
    const end = (): void => {
      // Its own group: what it has started would keep its output open.
      if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
        sendSignal(child.pid, SIGKILL, { group: true });
      }
    };
    const { signal } = options;
    if (signal?.aborted === true) end();
    signal?.addEventListener('abort', end, { once: true });
    try {
      await once(child, 'close');
    } finally {
      signal?.removeEventListener('abort', end);
    }
    if (signal?.aborted === true) throw abortError(signal);
    const exitCode = child.exitCode ?? undefined;
    return { stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr), exitCode };
  }

  async execAside(options: SshExecOptions): Promise<SshExecResult> {
    return await this.exec(options);
  }

  async dial({ host, port }: SshAddress, { signal }: HostCall): Promise<Duplex> {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    try {
      await once(socket, 'connect', signal === undefined ? {} : { signal });
      return socket;
    } catch (error) {
      socket.destroy();
      throw signal?.aborted === true ? abortError(signal) : error;
    }
  }

  openResponseWay(responseAddress: string): Promise<ResponseWay> {
    return Promise.resolve({ address: responseAddress, [Symbol.asyncDispose]: () => Promise.resolve() });
  }

  async upload(bundle: Bundle, remoteDir: string): Promise<void> {
    const base = remoteDir.startsWith('~/') ? join(this.#env['HOME'] ?? '/', remoteDir.slice(2)) : remoteDir;
    const target = join(base, 'launchers', bundle.hash);
    const unfinished = `${target}.${randomUUID()}`;
    try {
      for (const { path, content, isExecutable } of bundle.files) {
        await mkdir(dirname(join(unfinished, path)), { recursive: true });
        await writeFile(join(unfinished, path), content, { mode: isExecutable ? 0o755 : 0o644 });
      }
      await rename(unfinished, target);
    } catch (error) {
      await rm(unfinished, { recursive: true, force: true });
      // Somebody else was first: the name says that the content is the same.
      if (error instanceof Error && 'code' in error && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST')) return;
      throw new KernelFailureError('LAUNCH_FAILED', `cannot write ${target}: ${errorMessage(error)}`, { cause: error });
    }
  }

  hold(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }
}
