import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import {
  ProvisionerError,
  delay,
  errorMessage,
  isProvisionerError,
  openDeadline,
  raceSignal,
  throwIfAborted,
} from '@gateway-provisioners/core';
import type { Cancellation, Clock, Logger } from '@gateway-provisioners/core';
import { judgeHostKey } from './host-key-policy.ts';
import type { KeyFiles } from './key-files.ts';
import { findHostKeys, knownHostLine } from './known-hosts.ts';
import type { KnownHostKeys } from './known-hosts.ts';
import type {
  SftpSession,
  SshAddress,
  SshConnection,
  SshExecOptions,
  SshExecResult,
  SshReverseForward,
  SshTarget,
} from './ssh-connection.ts';
import { isTurnedAway } from './ssh-errors.ts';
import { connectSsh2 } from './ssh2-connection.ts';
import { Turns } from './turns.ts';

export interface SshHostOptions {
  /** Tells accounts apart. */
  readonly id: string;
  readonly target: SshTarget;
  /** The host through which this one is reached. */
  readonly via: SshHost | undefined;
  readonly keys: KeyFiles;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** OpenSSH's servers allow ten sessions on a connection (MaxSessions); one is the watch of this host's kernels. */
const SESSIONS_AT_ONCE = 8;
/** With a third of them turned away each time, as OpenSSH's servers do by default, hardly any fails as often as that. */
const TURNED_AWAY_ATTEMPTS = 16;
const LAST_TURNED_AWAY_MS = 1_500;
/** A session that has just ended may count for the server a little longer. */
const REFUSALS_BORNE = 10;
const REFUSED_PAUSE_MS = 50;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 30_000;

interface Call {
  readonly signal?: AbortSignal | undefined;
}

/**
 * One user's account on one host: a single connection, made when first needed, shared by all, and made anew while
 * somebody holds it.
 */
export class SshHost {
  readonly id: string;
  readonly target: SshTarget;
  readonly #options: SshHostOptions;
  readonly #sessions = new Turns(SESSIONS_AT_ONCE);
  readonly #listeners = new Set<() => void>();
  #disposal = new AbortController();
  #isParked = false;
  #calls = 0;
  #connection: SshConnection | undefined;
  #attempt: Promise<SshConnection> | undefined;
  #holders = 0;
  #releaseVia: Disposable | undefined;
  #isRestoring = false;
  #avoidUntil: number | undefined;
  #failures = 0;
  /** Until it can be reached again it is tried without anybody asking: no launch is to find out. */
  #isUnreachable = false;

  constructor(options: SshHostOptions) {
    this.id = options.id;
    this.target = options.target;
    this.#options = options;
  }

  /**
   * When the last attempt failed and none has succeeded since: milliseconds since the epoch until which to avoid it;
   * infinite while it cannot be reached, which is tried anew all the time.
   */
  get avoidUntil(): number | undefined {
    return this.#avoidUntil;
  }

  get isParked(): boolean {
    return this.#isParked;
  }

  /** Keeps the connection, and has it made anew when it breaks. */
  hold(): Disposable {
    this.#holders += 1;
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#holders -= 1;
        isHeld = false;
      },
    };
  }

  /** Calls back each time that a connection was made. */
  onConnected(listener: () => void): Cancellation {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** The open connection, or a new one. Errors: those of a connection. */
  async connected(call: Call = {}): Promise<SshConnection> {
    throwIfAborted(call.signal);
    if (this.#disposal.signal.aborted) this.#disposal = new AbortController();
    if (this.#connection?.isOpen === true) return this.#connection;
    this.#attempt ??= this.#connect().finally(() => {
      this.#attempt = undefined;
    });
    return await raceSignal(this.#attempt, call.signal);
  }

  /** Runs a program of /bin/sh. Waits its turn when the server allows no more sessions. */
  async exec(options: SshExecOptions): Promise<SshExecResult> {
    return await this.#inTurn(options, async (connection) => await connection.exec(options));
  }

  /** A long-running program that takes a session of its own, outside the turns. */
  async execAside(options: SshExecOptions): Promise<SshExecResult> {
    return await this.#withSession(options, {
      isAside: true,
      work: async (connection) => await connection.exec(options),
    });
  }

  async withSftp<T>(call: Call, work: (session: SftpSession) => Promise<T>): Promise<T> {
    return await this.#inTurn(call, async (connection) => {
      using session = await connection.sftp(call);
      return await raceSignal(work(session), call.signal);
    });
  }

  async forwardOut(address: SshAddress, call: Call): Promise<Duplex> {
    return await (await this.connected(call)).forwardOut(address, call);
  }

  async forwardIn(onConnection: (stream: Duplex) => void, call: Call): Promise<SshReverseForward> {
    return await (await this.connected(call)).forwardIn(onConnection, call);
  }

  /** Closes the connection. Whoever comes later gets one for as long as the call takes. */
  park(): void {
    this.#isParked = true;
    this.#disposal.abort(new ProvisionerError('CANCELLED', 'the SSH connection was closed'));
    this.#connection?.close();
    this.#connection = undefined;
    this.#releaseVia?.[Symbol.dispose]();
    this.#releaseVia = undefined;
    if (this.#options.via?.isParked === true) this.#options.via.park();
    this.#listeners.clear();
  }

  #isWanted(): boolean {
    return this.#holders > 0 || this.#isUnreachable;
  }

  async #inTurn<T>(call: Call, work: (connection: SshConnection) => Promise<T>): Promise<T> {
    this.#calls += 1;
    try {
      return await this.#withSession(call, { isAside: false, work });
    } finally {
      this.#calls -= 1;
      if (this.#isParked && this.#calls === 0) this.park();
    }
  }

  async #withSession<T>(
    call: Call,
    { isAside, work }: { readonly isAside: boolean; readonly work: (connection: SshConnection) => Promise<T> },
  ): Promise<T> {
    for (let refusals = 1; ; refusals += 1) {
      using turn = isAside ? undefined : await this.#sessions.take(call);
      const connection = await this.connected(call);
      try {
        return await work(connection);
      } catch (error) {
        if (!isSessionRefused(error)) throw error;
        // The server allows fewer sessions than usual: do with as many as there are now.
        if (!this.#sessions.shrink() && refusals >= REFUSALS_BORNE) throw tooFewSessions(this.target, error);
      }
      turn?.[Symbol.dispose]();
      await delay(REFUSED_PAUSE_MS * refusals, { signal: call.signal, clock: this.#options.clock });
    }
  }

  async #connect(): Promise<SshConnection> {
    const { target, clock, logger, via } = this.#options;
    const coordinates = { host: target.name, user: target.user };
    const { signal } = this.#disposal;
    try {
      const connection = await this.#attempts(signal);
      if (signal.aborted) {
        connection.close();
        throw new ProvisionerError('CANCELLED', 'the SSH connection was closed');
      }
      this.#connection = connection;
      this.#avoidUntil = undefined;
      this.#isUnreachable = false;
      this.#failures = 0;
      this.#releaseVia ??= via?.hold();
      logger.debug('SSH connection made', coordinates);
      void connection.closed.then((reason) => {
        logger.debug('SSH connection ended', { ...coordinates, reason: reason?.message });
        if (this.#connection === connection) this.#connection = undefined;
        void this.#restore();
      });
      for (const listener of [...this.#listeners]) listener();
      return connection;
    } catch (error) {
      this.#failures += 1;
      // Who logs in in vain again and again is locked out: only what may pass by itself is tried anew.
      this.#isUnreachable = isProvisionerError(error, 'HOST_UNREACHABLE') && error.retryable && !this.#isParked;
      this.#avoidUntil = this.#isUnreachable ? Number.POSITIVE_INFINITY : clock.now() + retryDelayMs(this.#failures);
      void this.#restore();
      throw error;
    }
  }

  /** A server that limits how many are logging in at once hangs up on some: those try again. */
  async #attempts(signal: AbortSignal): Promise<SshConnection> {
    const { target, clock } = this.#options;
    // An encrypted key takes seconds to decrypt, once: that is not the server's time.
    const privateKeys = await this.#privateKeys(signal);
    using scope = openDeadline({
      what: `an SSH connection to ${target.name}`,
      timeoutMs: target.connectTimeoutMs,
      signal,
      clock,
    });
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#connectOnce(privateKeys, scope.signal);
      } catch (error) {
        if (isProvisionerError(error, 'DEADLINE_EXCEEDED')) throw unreachable(target, error);
        if (attempt === TURNED_AWAY_ATTEMPTS || !isTurnedAway(error) || scope.signal.aborted) throw error;
        await delay(100 + Math.random() * Math.min(LAST_TURNED_AWAY_MS, 200 * attempt), {
          signal: scope.signal,
          clock,
        }).catch(() => {
          throw error;
        });
      }
    }
  }

  async #privateKeys(signal: AbortSignal): Promise<readonly string[]> {
    const { target, keys, clock } = this.#options;
    const { keyFilesRequired: required, passphrase } = target;
    const found: string[] = [];
    for (const path of target.keyFiles) {
      const key = await keys.read(path, { required, passphrase, signal, clock });
      if (key !== undefined) found.push(key);
    }
    for (const path of target.otherKeyFiles ?? []) {
      const key = await keys.read(path, { required: false, passphrase: undefined, signal, clock });
      if (key !== undefined) found.push(key);
    }
    return found;
  }

  async #connectOnce(privateKeys: readonly string[], signal: AbortSignal): Promise<SshConnection> {
    const { target, via } = this.#options;
    const known = await this.#knownKeys();
    throwIfAborted(signal);
    const sock = await via?.forwardOut({ host: target.host, port: target.port }, { signal }).catch((error: unknown) => {
      if (isProvisionerError(error) && error.code !== 'CONNECTION_LOST') throw error;
      throw unreachable(target, error, ` through ${via.target.name}`);
    });
    const judge = async (blob: Buffer): Promise<void> => {
      const { hostKeyChecking: checking, knownHostsFiles: files } = target;
      if (judgeHostKey(blob, { ...this.#keyName, known, checking, files }) === 'new') await this.#learn(blob);
    };
    return await connectSsh2({ target, keys: privateKeys, known, judge, sock, signal });
  }

  /** How files of known hosts call this one. */
  get #keyName(): SshAddress {
    const { hostKeyName: host, hostKeyPort, port } = this.target;
    return { host, port: hostKeyPort ?? port };
  }

  async #knownKeys(): Promise<KnownHostKeys> {
    const { knownHostsFiles } = this.target;
    const texts = await Promise.all(knownHostsFiles.map((path) => readFile(path, 'utf8').catch(() => '')));
    return findHostKeys(texts.join('\n'), this.#keyName);
  }

  async #learn(blob: Buffer): Promise<void> {
    const { host, port } = this.#keyName;
    const [path] = this.target.knownHostsFiles;
    if (path === undefined) return;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await appendFile(path, knownHostLine({ host, port, blob }), { mode: 0o600 });
    this.#options.logger.warn('the key of an SSH host was taken on first use', { host, port, file: path });
  }

  /** After a loss, as long as somebody holds the connection; after a failure, until the host can be reached. */
  async #restore(): Promise<void> {
    if (this.#isRestoring) return;
    this.#isRestoring = true;
    const { signal } = this.#disposal;
    const { clock, logger } = this.#options;
    try {
      for (let failures = 1; this.#isWanted() && !signal.aborted; failures += 1) {
        const retryInMs = retryDelayMs(failures);
        logger.debug('an SSH connection will be tried', { host: this.target.name, retryInMs });
        await delay(retryInMs, { signal, clock });
        if (!this.#isWanted()) return;
        try {
          await this.connected({ signal });
          return;
        } catch (error) {
          const level = this.#holders > 0 ? 'warn' : 'debug';
          logger[level]('SSH connection could not be made anew', {
            host: this.target.name,
            error: errorMessage(error),
          });
        }
      }
    } catch {
      // Disposed of.
    } finally {
      this.#isRestoring = false;
    }
  }
}

function retryDelayMs(failures: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(10, failures - 1)) * (0.75 + Math.random() / 2);
}

function unreachable(target: SshTarget, error: unknown, how = ''): ProvisionerError {
  const text = isProvisionerError(error, 'DEADLINE_EXCEEDED')
    ? `nothing within ${String(target.connectTimeoutMs)} ms`
    : errorMessage(error);
  return new ProvisionerError('HOST_UNREACHABLE', `no SSH connection${how}: ${text}`, {
    cause: error,
    coordinates: { host: target.name, address: target.host, port: target.port, user: target.user },
  });
}

function tooFewSessions(target: SshTarget, error: unknown): ProvisionerError {
  return new ProvisionerError(
    'HOST_COMMAND_FAILED',
    'the SSH server allows no other session on the connection: MaxSessions in its sshd_config must be at least 2',
    { cause: error, coordinates: { host: target.name, user: target.user } },
  );
}

function isSessionRefused(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED';
}
