import { readFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ProvisionerError, errorMessage, systemErrorCode } from '@gateway-provisioners/core';
import type { DistributedConfig } from '../distributed-config.ts';
import { matchesPattern } from './known-hosts.ts';
import { hostSettings, parseSshConfig } from './ssh-config-file.ts';
import type { ConfigLine, HostSettings } from './ssh-config-file.ts';
import type { SshTarget } from './ssh-connection.ts';

/** Where names that stand for this user's are looked up. */
export interface TargetContext {
  readonly config: DistributedConfig;
  /** The gateway's environment: HOME, USER. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly lines: readonly ConfigLine[];
}

export interface HostEntry {
  readonly user?: string;
  readonly host: string;
  readonly port?: number;
}

const MAX_JUMPS = 8;
const MAX_INCLUDES = 16;

/** Reads `user@host:port`, `[IPv6]:port` and their parts. Errors: `INVALID_CONFIG`. */
export function parseHostEntry(text: string): HostEntry {
  const [, user, bracketed, plain, port] =
    /^(?:([^@\s]+)@)?(?:\[([0-9A-Fa-f:.%a-z]+)\]|([^@:\s[\]]+|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*))(?::(\d{1,5}))?$/.exec(
      text,
    ) ?? [];
  const host = bracketed ?? plain;
  if (
    host === undefined ||
    host.startsWith('-') ||
    (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))
  ) {
    throw new ProvisionerError('INVALID_CONFIG', `host ${JSON.stringify(text)}: use host, user@host or user@host:port`);
  }
  return { host, ...(user === undefined ? {} : { user }), ...(port === undefined ? {} : { port: Number(port) }) };
}

/** The lines of the SSH client configuration, with what it includes. Errors: `INVALID_CONFIG`. */
export async function loadSshConfig(
  config: DistributedConfig,
  env: TargetContext['env'],
): Promise<readonly ConfigLine[]> {
  if (config.ssh_config === 'none') return [];
  const path = expandHome(config.ssh_config ?? '~/.ssh/config', env);
  return await readLines(path, { isRequired: config.ssh_config !== undefined, env, depth: 0 });
}

async function readLines(
  path: string,
  options: { readonly isRequired: boolean; readonly env: TargetContext['env']; readonly depth: number },
): Promise<readonly ConfigLine[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (!options.isRequired && systemErrorCode(error) === 'ENOENT') return [];
    throw new ProvisionerError('INVALID_CONFIG', `cannot read ${path}: ${errorMessage(error)}`, { cause: error });
  }
  const lines: ConfigLine[] = [];
  for (const line of parseSshConfig(text)) {
    if (line.keyword !== 'include') {
      lines.push(line);
      continue;
    }
    if (options.depth >= MAX_INCLUDES)
      throw new ProvisionerError('INVALID_CONFIG', `${path}: Include is nested too deeply`);
    for (const value of line.values) {
      const wanted = expandHome(value, options.env);
      const pattern = wanted.startsWith('/') ? wanted : join(expandHome('~/.ssh', options.env), wanted);
      for (const file of await matchingFiles(pattern)) {
        lines.push(...(await readLines(file, { ...options, isRequired: false, depth: options.depth + 1 })));
      }
    }
  }
  return lines;
}

async function matchingFiles(pattern: string): Promise<readonly string[]> {
  if (!/[*?]/.test(pattern)) return [pattern];
  const folder = dirname(pattern);
  try {
    const names = await readdir(folder);
    return names
      .sort()
      .map((name) => join(folder, name))
      .filter((path) => matchesPattern(pattern, path));
  } catch {
    return [];
  }
}

/** Everything that is needed to log in to a host of the operator's list. Errors: `INVALID_CONFIG`. */
export function resolveTarget(name: string, context: TargetContext): SshTarget {
  const { config } = context;
  const entry = parseHostEntry(name);
  const settings = hostSettings(context.lines, entry.host);
  const user = entry.user ?? config.remote_user ?? settings.user ?? defaultUser(context.env);
  const port = entry.port ?? config.ssh_port ?? settings.port ?? 22;
  const via = throughJumps(settings.proxyJump ?? [], context);
  return toTarget({ name, entry, settings, user, port, via, password: config.remote_password, isJump: false }, context);
}

function throughJumps(hops: readonly string[], context: TargetContext, depth = 0): SshTarget | undefined {
  if (depth > MAX_JUMPS) throw new ProvisionerError('INVALID_CONFIG', 'ProxyJump: hosts lead to each other');
  let via: SshTarget | undefined;
  for (const hop of hops) {
    const entry = parseHostEntry(hop.replace(/^ssh:\/\//, ''));
    const settings = hostSettings(context.lines, entry.host);
    const before = via ?? throughJumps(settings.proxyJump ?? [], context, depth + 1);
    const user = entry.user ?? settings.user ?? context.config.remote_user ?? defaultUser(context.env);
    const port = entry.port ?? settings.port ?? 22;
    via = toTarget({ name: hop, entry, settings, user, port, via: before, password: undefined, isJump: true }, context);
  }
  return via;
}

interface TargetParts {
  readonly name: string;
  readonly entry: HostEntry;
  readonly settings: HostSettings;
  readonly user: string;
  readonly port: number;
  readonly via: SshTarget | undefined;
  readonly password: string | undefined;
  readonly isJump: boolean;
}

function toTarget(parts: TargetParts, { config, env }: TargetContext): SshTarget {
  const { settings, user, port, entry } = parts;
  const host = settings.hostName ?? entry.host;
  const fill = (path: string): string => fillTokens(expandHome(path, env), { host, user, env });
  const named = config.ssh_key_path === undefined ? settings.identityFiles : [config.ssh_key_path];
  const usual = ['~/.ssh/id_ed25519', '~/.ssh/id_ecdsa', '~/.ssh/id_rsa'];
  const userFiles = settings.userKnownHostsFiles ?? ['~/.ssh/known_hosts', '~/.ssh/known_hosts2'];
  const files =
    config.ssh_known_hosts === undefined ? [...userFiles, '/etc/ssh/ssh_known_hosts'] : [config.ssh_known_hosts];
  const agent = config.ssh_agent ?? (settings.identitiesOnly === true ? undefined : usualAgent(settings, env));
  return {
    name: parts.name,
    host,
    port,
    user,
    hostKeyName: settings.hostKeyAlias ?? host,
    hostKeyPort: settings.hostKeyAlias === undefined ? undefined : 22,
    knownHostsFiles: files.map(fill),
    hostKeyChecking:
      config.host_key_checking ?? (settings.strictHostKeyChecking === 'accept-new' ? 'accept-new' : 'strict'),
    keyFiles: (named.length > 0 ? named : home(env) === undefined ? [] : usual).map(fill),
    keyFilesRequired: config.ssh_key_path !== undefined,
    otherKeyFiles: parts.isJump && config.ssh_key_path !== undefined ? settings.identityFiles.map(fill) : undefined,
    agent: agent === undefined || agent.toLowerCase() === 'none' ? undefined : fill(agent),
    password: parts.password,
    passphrase: config.ssh_key_passphrase,
    via: parts.via,
    keepaliveIntervalMs: config.keepalive_interval_ms ?? settings.serverAliveIntervalMs ?? 15_000,
    keepaliveCountMax: config.keepalive_count_max ?? settings.serverAliveCountMax ?? 4,
    connectTimeoutMs: config.connect_timeout_ms ?? settings.connectTimeoutMs ?? 10_000,
  };
}

/** As ssh_config(5) has it: what `IdentityAgent` says, which may be the name of a variable, before `SSH_AUTH_SOCK`. */
function usualAgent({ identityAgent = 'SSH_AUTH_SOCK' }: HostSettings, env: TargetContext['env']): string | undefined {
  const [, variable] = /^\$\{?(\w+)\}?$/.exec(identityAgent) ?? [];
  const name = identityAgent === 'SSH_AUTH_SOCK' ? identityAgent : variable;
  if (name === undefined) return identityAgent;
  return env[name] === '' ? undefined : env[name];
}

function expandHome(path: string, env: TargetContext['env']): string {
  return path === '~' || path.startsWith('~/') ? (home(env) ?? '/nonexistent') + path.slice(1) : path;
}

function home(env: TargetContext['env']): string | undefined {
  return env['HOME'] === '' ? undefined : env['HOME'];
}

function defaultUser(env: TargetContext['env']): string {
  const user = env['USER'] ?? env['LOGNAME'];
  if (user !== undefined && user !== '') return user;
  throw new ProvisionerError('INVALID_CONFIG', 'no user to log in as: set remote_user (GP_REMOTE_USER)');
}

function fillTokens(
  path: string,
  values: { readonly host: string; readonly user: string; readonly env: TargetContext['env'] },
): string {
  const tokens: Readonly<Record<string, string | undefined>> = {
    '%%': '%',
    '%d': home(values.env),
    '%h': values.host,
    '%r': values.user,
    '%u': values.env['USER'],
  };
  return path.replace(/%[%dhru]/g, (token) => tokens[token] ?? token);
}
