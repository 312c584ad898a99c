import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Readable } from 'node:stream';
import { types } from 'node:util';
import { ProvisionerError, openDeadline, raceSignal } from '@gateway-provisioners/core';
import type { Clock, ErrorCode } from '@gateway-provisioners/core';
import { engineAddress } from '../config/engine-config.ts';
import type { EngineConfig } from '../config/engine-config.ts';
import type { RegistryCredentials } from '../config/registry-credentials.ts';
import { textsOf } from '../config/json-members.ts';
import type { EngineCall } from '../engine-call.ts';
import type { EngineVersion } from '../engine.ts';
import { engineStatus, toEngineError } from '../engine-errors.ts';
import { SshAgent } from '../ssh-agent.ts';

/** The newest version of the Engine API that this client was written for. */
const NEWEST_API: readonly [number, number] = [1, 47];
const DEFAULT_TIMEOUT_MS = 30_000;
/** Idle connections are closed by us, before a proxy does it: that could be in the moment of the next request. */
const IDLE_MS = 3_000;

/** A request of the Engine API, in full. */
export interface EngineRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Segments of the path, not yet encoded: `['containers', id, 'json']`. */
  readonly path: readonly string[];
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  /** JSON. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** A tar archive. */
  readonly archive?: Buffer;
  readonly credentials?: RegistryCredentials | undefined;
  /** What it does to what, for messages. */
  readonly action: string;
  readonly subject?: string;
  /** What a status means as the answer to this request, where that is not what it usually means. */
  readonly codes?: Readonly<Record<number, ErrorCode>>;
}

/** What we use of docker-modem, which has no types of its own. */
interface Modem {
  dial(request: Readonly<Record<string, unknown>>, callback: (error: unknown, answer: unknown) => void): void;
}

interface Connected {
  readonly modem: Modem;
  readonly version: EngineVersion;
}

/**
 * Requests to an engine: docker-modem, the transport of dockerode, under our rules. It is imported when the first call is
 * made; requests are bounded and their errors ours. The only file that knows it.
 */
export class EngineClient implements Disposable {
  readonly address: string;
  readonly config: EngineConfig;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly #agent: HttpAgent;
  #connected: Promise<Connected> | undefined;

  constructor(config: EngineConfig, clock: Clock) {
    this.config = config;
    this.clock = clock;
    this.timeoutMs = config.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.address = engineAddress(config);
    this.#agent = agentFor(config);
  }

  /** The answer: parsed JSON, else bytes. */
  async ask(request: EngineRequest, { signal, timeoutMs = this.timeoutMs }: EngineCall): Promise<unknown> {
    const { action, subject, codes } = request;
    const what = `${action}${subject === undefined ? '' : ` ${subject}`}, at ${this.address}`;
    using scope = openDeadline({ what, timeoutMs, signal, clock: this.clock });
    try {
      const { modem } = await this.#connection(scope.signal);
      return await raceSignal(dial(modem, request, { signal: scope.signal, isStream: false }), scope.signal);
    } catch (error) {
      throw toEngineError(error, { action, subject, codes, engine: this.address });
    }
  }

  /** The same for what may be gone: undefined then. */
  async askFor(request: EngineRequest, call: EngineCall): Promise<unknown> {
    return await this.askUnless([404], request, call);
  }

  /** Undefined where the status of the answer is one of these. */
  async askUnless(statuses: readonly number[], request: EngineRequest, call: EngineCall): Promise<unknown> {
    try {
      return (await this.ask(request, call)) ?? '';
    } catch (error) {
      const cause: unknown = error instanceof Error ? error.cause : undefined;
      if (statuses.includes(engineStatus(cause) ?? 0)) return undefined;
      throw error;
    }
  }

  /** An answer that goes on: its head must come in time, and `signal` ends it at any time. */
  async stream(request: EngineRequest, signal: AbortSignal): Promise<Readable> {
    const { action, subject } = request;
    const own = new AbortController();
    const end = (): void => {
      own.abort();
    };
    signal.addEventListener('abort', end, { once: true });
    try {
      using scope = openDeadline({ what: action, timeoutMs: this.timeoutMs, signal, clock: this.clock });
      const { modem } = await this.#connection(scope.signal);
      const stream = await raceSignal(dial(modem, request, { signal: own.signal, isStream: true }), scope.signal);
      if (!(stream instanceof Readable)) throw new ProvisionerError('PROTOCOL_ERROR', 'the engine answered no stream');
      stream.once('close', () => {
        signal.removeEventListener('abort', end);
      });
      return stream;
    } catch (error) {
      signal.removeEventListener('abort', end);
      end();
      throw toEngineError(error, { action, subject, engine: this.address });
    }
  }

  async version({ signal, timeoutMs = this.timeoutMs }: EngineCall): Promise<EngineVersion> {
    const what = `ask for the version of the engine at ${this.address}`;
    using scope = openDeadline({ what, timeoutMs, signal, clock: this.clock });
    return (await this.#connection(scope.signal)).version;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #connection(signal: AbortSignal): Promise<Connected> {
    const joined = this.#connected;
    if (joined !== undefined) {
      try {
        return await raceSignal(joined, signal);
      } catch (error) {
        // It may have been somebody else's attempt, whose time was up before ours began.
        if (signal.aborted) throw error;
      }
    }
    return await raceSignal((this.#connected ??= this.#connectOnce()), signal);
  }

  /** Tried anew by the next call when it fails, whether or not anybody still waits for it then. */
  #connectOnce(): Promise<Connected> {
    const connecting = this.#connect();
    connecting.catch(() => {
      if (this.#connected === connecting) this.#connected = undefined;
    });
    return connecting;
  }

  /** Agrees on the version of the API: the newest that both know. */
  async #connect(): Promise<Connected> {
    const imported: unknown = await import('docker-modem');
    const ModemClass = typeof imported === 'object' && imported !== null && 'default' in imported && imported.default;
    const options = modemOptions(this.config, this.#agent);
    const request: EngineRequest = { method: 'GET', path: ['version'], action: 'ask for the version of the engine' };
    using scope = openDeadline({ what: request.action, timeoutMs: this.timeoutMs, clock: this.clock });
    let answer: unknown;
    try {
      const modem = constructModem(ModemClass, options);
      answer = await raceSignal(dial(modem, request, { signal: scope.signal, isStream: false }), scope.signal);
    } catch (error) {
      throw toEngineError(error, { action: request.action, engine: this.address });
    }
    const { ApiVersion = '', MinAPIVersion = '', Version = '', Os = '', Arch = '' } = textsOf(answer);
    const theirs = parseVersion(ApiVersion);
    const chosen = isNewer(theirs, NEWEST_API) ? NEWEST_API : theirs;
    if (MinAPIVersion !== '' && isNewer(parseVersion(MinAPIVersion), chosen)) {
      const message = `the engine wants API version ${MinAPIVersion} or newer; ${chosen.join('.')} is the newest known here`;
      throw new ProvisionerError('ENGINE_REFUSED', message, { coordinates: { engine: this.address } });
    }
    const apiVersion = chosen.join('.');
    return {
      modem: constructModem(ModemClass, { ...options, version: `v${apiVersion}` }),
      version: { version: Version, apiVersion, os: Os, arch: Arch },
    };
  }
}

async function dial(
  modem: Modem,
  request: EngineRequest,
  { signal, isStream }: { readonly signal: AbortSignal; readonly isStream: boolean },
): Promise<unknown> {
  // Anything but these statuses is an error of docker-modem's, which carries status and answer.
  const statusCodes = { 200: true, 201: true, 202: true, 204: true };
  const path = `/${request.path.map(segment).join('/')}?`;
  return await new Promise((resolve, reject) => {
    modem.dial(
      {
        path,
        method: request.method,
        // Marked, because docker-modem puts all of a body into the query as well: too long for one, and secret.
        options: { _query: request.query ?? {}, _body: request.body ?? {} },
        file: request.archive,
        authconfig: request.credentials,
        abortSignal: signal,
        isStream,
        statusCodes,
      },
      (error, answer) => {
        if (error === null || error === undefined) resolve(answer);
        else reject(types.isNativeError(error) ? error : new Error('the request failed', { cause: error }));
      },
    );
  });
}

/** Ids and names as the engine has them; anything else could be another path, or a redirect, which docker-modem follows. */
function segment(text: string): string {
  if (/^\.*$|[^\w.:@+-]/.test(text)) {
    throw new ProvisionerError('INVALID_ARGUMENT', `not a name that an engine knows: ${JSON.stringify(text)}`);
  }
  return encodeURIComponent(text);
}

function constructModem(ModemClass: unknown, options: Readonly<Record<string, unknown>>): Modem {
  const modem: unknown = typeof ModemClass === 'function' ? Reflect.construct(ModemClass, [options]) : undefined;
  if (isModem(modem)) return modem;
  throw new ProvisionerError('INTERNAL', 'docker-modem is not what it was');
}

function isModem(value: unknown): value is Modem {
  return typeof value === 'object' && value !== null && 'dial' in value && typeof value.dial === 'function';
}

function agentFor({ transport, env }: EngineConfig): HttpAgent {
  if (transport.kind === 'ssh') return new SshAgent({ destination: transport.destination, port: transport.port, env });
  if (transport.kind === 'tcp' && transport.tls !== undefined) {
    const { ca, cert, key, verify } = transport.tls;
    return new HttpsAgent({
      keepAlive: true,
      timeout: IDLE_MS,
      rejectUnauthorized: verify,
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
  }
  return new HttpAgent({ keepAlive: true, timeout: IDLE_MS });
}

function modemOptions({ transport }: EngineConfig, agent: HttpAgent): Readonly<Record<string, unknown>> {
  // docker-modem reads DOCKER_HOST and its like from the process by itself: each of them is overridden.
  const none = {
    host: undefined,
    port: undefined,
    socketPath: undefined,
    ca: undefined,
    cert: undefined,
    key: undefined,
  };
  switch (transport.kind) {
    case 'unix':
      return { ...none, protocol: 'http', socketPath: transport.path, agent };
    case 'ssh':
      // The agent knows the way; the name is for the Host header alone.
      return { ...none, protocol: 'http', host: 'docker.invalid', port: 80, agent };
    case 'tcp': {
      const { host, port, tls } = transport;
      const address = host.includes(':') ? `[${host}]` : host;
      return { ...none, protocol: tls === undefined ? 'http' : 'https', host: address, port, agent };
    }
  }
}

function parseVersion(text: string): readonly [number, number] {
  const [major, minor] = text.split('.').map(Number);
  if (major !== undefined && minor !== undefined && Number.isInteger(major) && Number.isInteger(minor)) {
    return [major, minor];
  }
  throw new ProvisionerError('PROTOCOL_ERROR', `not a version of the Engine API: ${JSON.stringify(text)}`);
}

function isNewer([major, minor]: readonly [number, number], than: readonly [number, number]): boolean {
  return major > than[0] || (major === than[0] && minor > than[1]);
}
