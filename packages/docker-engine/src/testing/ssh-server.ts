import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { delay, systemClock, systemErrorCode, withDeadline } from '@gateway-provisioners/core';
import { freePort, listens } from '@gateway-provisioners/core/testing';

const run = promisify(execFile);

/** OpenSSH's server on this machine, and a folder with an `ssh` that knows its key and has one that it lets in. */
export class SshServer implements AsyncDisposable {
  readonly port: number;
  /** With this folder first in PATH, `ssh` reads the configuration in it, and nothing of the user's. */
  readonly bin: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(parts: { readonly port: number; readonly folder: string }) {
    this.port = parts.port;
    this.bin = join(parts.folder, 'bin');
    this.#folder = parts.folder;
  }

  /** `engineHost`: what DOCKER_HOST is on the other side. */
  static async start(folder: string, engineHost: string): Promise<SshServer> {
    const port = await freePort();
    const server = new SshServer({ port, folder });
    await mkdir(server.bin, { recursive: true });
    for (const name of ['host_key', 'allowed_key', 'other_key']) {
      await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, name)]);
    }
    await writeFile(join(folder, 'authorized_keys'), await readFile(join(folder, 'allowed_key.pub')));
    const hostKey = await readFile(join(folder, 'host_key.pub'), 'utf8');
    await writeFile(join(folder, 'known_hosts'), `[127.0.0.1]:${String(port)} ${hostKey}`);
    await writeFile(
      join(folder, 'sshd_config'),
      [
        `ListenAddress 127.0.0.1:${String(port)}`,
        `HostKey ${join(folder, 'host_key')}`,
        `AuthorizedKeysFile ${join(folder, 'authorized_keys')}`,
        ...['PidFile none', 'StrictModes no', 'UsePAM no', 'PasswordAuthentication no'],
        // More connections at once than its default lets in before they have logged in.
        'MaxStartups 100',
        `SetEnv DOCKER_HOST=${engineHost} PATH=${process.env['PATH'] ?? ''}`,
        '',
      ].join('\n'),
    );
    await server.configureClient();
    // Where root's server wants to lock itself in.
    if (userInfo().uid === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
    await server.start();
    return server;
  }

  get url(): string {
    return `ssh://${userInfo().username}@127.0.0.1:${String(this.port)}`;
  }

  /** What the client has: a key that is let in or not, the server's own key or none. */
  async configureClient({ key = 'allowed_key', knownHosts = 'known_hosts' } = {}): Promise<void> {
    const config = join(this.#folder, 'ssh_config');
    const lines = [`UserKnownHostsFile ${join(this.#folder, knownHosts)}`, `IdentityFile ${join(this.#folder, key)}`];
    await writeFile(config, [...lines, 'GlobalKnownHostsFile none', 'IdentitiesOnly yes', ''].join('\n'));
    const program = (await run('which', ['ssh'])).stdout.trim();
    await writeFile(join(this.bin, 'ssh'), `#!/bin/sh\nexec ${program} -F ${config} "$@"\n`, { mode: 0o755 });
  }

  async start(): Promise<void> {
    const argv = ['-D', '-e', '-f', join(this.#folder, 'sshd_config')];
    const child = spawn('/usr/sbin/sshd', argv, { stdio: 'ignore' });
    this.#process = child;
    await withDeadline({ what: 'sshd', timeoutMs: 30_000, clock: systemClock }, async ({ signal }) => {
      while (!(await listens(this.port))) await delay(50, { signal, clock: systemClock });
    });
  }

  /** Ends it with its connections. */
  async stop(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child?.pid === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    // Each connection has a process of its own, in a session of its own.
    const sessions = await childrenOf(child.pid);
    child.kill('SIGKILL');
    for (const pid of sessions) endSession(pid);
    await ended;
  }

  /** Programs of the client that run. */
  async clients(): Promise<number> {
    const { stdout } = await run('ps', ['-eo', 'args']);
    return stdout.split('\n').filter((line) => line.includes(`-F ${join(this.#folder, 'ssh_config')}`)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function endSession(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // Its client has just left.
    if (systemErrorCode(error) !== 'ESRCH') throw error;
  }
}

async function childrenOf(parent: number): Promise<readonly number[]> {
  const { stdout } = await run('ps', ['-eo', 'pid=,ppid=']);
  const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
  return rows.flatMap(([pid, ppid]) => (ppid === parent && pid !== undefined ? [pid] : []));
}
