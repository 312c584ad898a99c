import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ProvisionerError, systemErrorCode } from '@gateway-provisioners/core';
import { currentContext } from './docker-context.ts';
import { readDockerConfig } from './docker-config-file.ts';

export interface EngineTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** False: the server's certificate is not checked, as the Docker CLI does without DOCKER_TLS_VERIFY. */
  readonly verify: boolean;
}

/** Where an engine is and how to reach it. */
export interface EngineConfig {
  readonly transport:
    | { readonly kind: 'unix'; readonly path: string }
    | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls?: EngineTls }
    /** By the system's `ssh` program, which checks host keys and reads the user's ssh configuration. */
    | { readonly kind: 'ssh'; readonly destination: string; readonly port?: number };
  /** Docker's configuration folder, for registry credentials. */
  readonly configDir: string;
  /** For credential helpers and `ssh`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Milliseconds that the engine has for an answer. Default 30,000. */
  readonly timeoutMs?: number;
}

const DEFAULT_SOCKET = '/var/run/docker.sock';

/**
 * Finds the engine as the Docker CLI does: DOCKER_HOST with DOCKER_TLS_VERIFY, DOCKER_TLS and DOCKER_CERT_PATH, else the
 * context of DOCKER_CONTEXT or of the configuration file (DOCKER_CONFIG, default ~/.docker), else the local socket.
 * Errors: `INVALID_CONFIG` naming the variable or file.
 */
export async function configFromEnv(
  env: Readonly<Record<string, string | undefined>>,
  options: { readonly timeoutMs?: number } = {},
): Promise<EngineConfig> {
  const configDir = env['DOCKER_CONFIG'] ?? join(env['HOME'] ?? homedir(), '.docker');
  const common = { configDir, env, ...options };
  const host = env['DOCKER_HOST'];
  if (host !== undefined && host !== '') {
    return {
      transport: await parseHost(host, { source: 'DOCKER_HOST', tls: () => tlsFromEnv(env, configDir) }),
      ...common,
    };
  }
  const name = env['DOCKER_CONTEXT'] ?? (await readDockerConfig(configDir)).currentContext;
  const context = await currentContext(name, configDir);
  if (context === undefined) return { transport: { kind: 'unix', path: DEFAULT_SOCKET }, ...common };
  const { host: endpoint, tls } = context;
  return {
    transport: await parseHost(endpoint, { source: `context ${String(name)}`, tls: () => Promise.resolve(tls) }),
    ...common,
  };
}

/** For messages: `unix:///var/run/docker.sock`, `tcp://host:2376`. */
export function engineAddress({ transport }: EngineConfig): string {
  switch (transport.kind) {
    case 'unix':
      return `unix://${transport.path}`;
    case 'tcp':
      return `tcp://${transport.host.includes(':') ? `[${transport.host}]` : transport.host}:${String(transport.port)}`;
    case 'ssh':
      return `ssh://${transport.destination}${transport.port === undefined ? '' : `:${String(transport.port)}`}`;
  }
}

async function parseHost(
  host: string,
  { source, tls }: { readonly source: string; readonly tls: () => Promise<EngineTls | undefined> },
): Promise<EngineConfig['transport']> {
  const unix = /^unix:\/\/(\/.+)$/.exec(host);
  if (unix?.[1] !== undefined) return { kind: 'unix', path: unix[1] };
  const url = URL.canParse(host) ? new URL(host) : undefined;
  if (url === undefined || url.hostname === '') throw invalidHost(host, source);
  switch (url.protocol) {
    case 'tcp:':
    case 'http:':
    case 'https:': {
      const security = await tls();
      const needsTls = security !== undefined || url.protocol === 'https:';
      return {
        kind: 'tcp',
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: url.port === '' ? (needsTls ? 2376 : 2375) : Number(url.port),
        ...(needsTls ? { tls: security ?? { verify: true } } : {}),
      };
    }
    case 'ssh:': {
      // A host or user that begins with a dash would be an option of ssh.
      const user = decoded(url.username);
      if (
        user === undefined ||
        !/^[A-Za-z0-9._][A-Za-z0-9._-]*$/.test(url.hostname) ||
        !/^([A-Za-z0-9_.][\w.-]*)?$/.test(user)
      ) {
        throw invalidHost(host, source);
      }
      const destination = user === '' ? url.hostname : `${user}@${url.hostname}`;
      return { kind: 'ssh', destination, ...(url.port === '' ? {} : { port: Number(url.port) }) };
    }
    default:
      throw invalidHost(host, source);
  }
}

/** Undefined where a percent sign stands for nothing. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

async function tlsFromEnv(
  env: Readonly<Record<string, string | undefined>>,
  configDir: string,
): Promise<EngineTls | undefined> {
  const verify = (env['DOCKER_TLS_VERIFY'] ?? '') !== '';
  if (!verify && (env['DOCKER_TLS'] ?? '') === '') return undefined;
  const folder = env['DOCKER_CERT_PATH'] ?? configDir;
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readPem(join(folder, name))),
  );
  if ((cert === undefined) !== (key === undefined)) {
    throw new ProvisionerError('INVALID_CONFIG', `DOCKER_CERT_PATH: ${folder} has only one of cert.pem and key.pem`);
  }
  return {
    verify,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
}

async function readPem(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (systemErrorCode(cause) === 'ENOENT') return undefined;
    throw new ProvisionerError('INVALID_CONFIG', `cannot read ${path} of DOCKER_CERT_PATH`, { cause });
  }
}

function invalidHost(host: string, source: string): ProvisionerError {
  return new ProvisionerError(
    'INVALID_CONFIG',
    `${source}: ${JSON.stringify(host)} is not an address of an engine: use unix:///path, tcp://host:port or ssh://user@host`,
  );
}
