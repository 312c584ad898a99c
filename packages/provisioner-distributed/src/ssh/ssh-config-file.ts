import { ProvisionerError } from '@gateway-provisioners/core';
import { matchesPattern } from './known-hosts.ts';

/** One `Keyword value…` line, in the order of the file. */
export interface ConfigLine {
  /** Lower case. */
  readonly keyword: string;
  readonly values: readonly string[];
  readonly line: number;
}

/** What ssh_config(5) settles for one host; the first value given for a keyword counts. */
export interface HostSettings {
  readonly hostName?: string;
  readonly port?: number;
  readonly user?: string;
  readonly hostKeyAlias?: string;
  readonly identityFiles: readonly string[];
  readonly identitiesOnly?: boolean;
  readonly identityAgent?: string;
  readonly userKnownHostsFiles?: readonly string[];
  readonly strictHostKeyChecking?: string;
  /** Empty for `none`. */
  readonly proxyJump?: readonly string[];
  readonly connectTimeoutMs?: number;
  readonly serverAliveIntervalMs?: number;
  readonly serverAliveCountMax?: number;
}

/**
 * Splits the text of an OpenSSH client configuration into lines: `Keyword value`, `Keyword=value`, quotes, comments.
 * Errors: `INVALID_CONFIG` naming the line, for a quote without an end.
 */
export function parseSshConfig(text: string): readonly ConfigLine[] {
  return text.split(/\r?\n/).flatMap((raw, index) => {
    const words = splitWords(raw, index + 1);
    const [keyword, ...values] = words;
    return keyword === undefined ? [] : [{ keyword: keyword.toLowerCase(), values, line: index + 1 }];
  });
}

/**
 * Settings for `alias`. `Match` sections are passed over, except `Match all`: the others may run programs. `Include` must
 * have been replaced before. Errors: `INVALID_CONFIG` for what cannot be honoured.
 */
export function hostSettings(lines: readonly ConfigLine[], alias: string): HostSettings {
  const first = new Map<string, ConfigLine>();
  const identityFiles: string[] = [];
  let applies = true;
  for (const line of lines) {
    if (line.keyword === 'host') applies = matchesAny(line.values, alias);
    else if (line.keyword === 'match') applies = line.values[0]?.toLowerCase() === 'all';
    else if (!applies) continue;
    else if (line.keyword === 'identityfile') identityFiles.push(...line.values.slice(0, 1));
    else if (!first.has(line.keyword)) first.set(line.keyword, line);
  }
  const value = (keyword: string): string | undefined => first.get(keyword)?.values[0];
  const proxyCommand = value('proxycommand');
  if (proxyCommand !== undefined && proxyCommand.toLowerCase() !== 'none' && !first.has('proxyjump')) {
    throw invalid(first.get('proxycommand')?.line ?? 0, 'ProxyCommand is not supported; use ProxyJump', alias);
  }
  const hostName = value('hostname')?.replaceAll('%h', alias);
  const port = portOf(first.get('port'), alias);
  const files = first.get('userknownhostsfile')?.values;
  const jump = value('proxyjump');
  const alive = numberOf(first.get('serveraliveinterval'), alias);
  const aliveCount = numberOf(first.get('serveralivecountmax'), alias);
  const connectTimeout = numberOf(first.get('connecttimeout'), alias);
  return {
    identityFiles: identityFiles.filter((file) => file.toLowerCase() !== 'none'),
    ...optional('hostName', hostName),
    ...optional('port', port),
    ...optional('user', value('user')),
    ...optional('hostKeyAlias', value('hostkeyalias')),
    ...optional('identitiesOnly', yesNo(value('identitiesonly'))),
    ...optional('identityAgent', value('identityagent')),
    ...optional(
      'userKnownHostsFiles',
      files?.filter((file) => file.toLowerCase() !== 'none'),
    ),
    ...optional('strictHostKeyChecking', value('stricthostkeychecking')?.toLowerCase()),
    ...optional('proxyJump', jump === undefined ? undefined : jumps(jump)),
    ...optional('connectTimeoutMs', connectTimeout === undefined ? undefined : connectTimeout * 1000),
    ...optional('serverAliveIntervalMs', alive === undefined ? undefined : alive * 1000),
    ...optional('serverAliveCountMax', aliveCount),
  };
}

function matchesAny(patterns: readonly string[], alias: string): boolean {
  if (patterns.some((pattern) => pattern.startsWith('!') && matchesPattern(pattern.slice(1), alias))) return false;
  return patterns.some((pattern) => !pattern.startsWith('!') && matchesPattern(pattern, alias));
}

function jumps(text: string): readonly string[] {
  return text.toLowerCase() === 'none' ? [] : text.split(',').filter((hop) => hop !== '');
}

function yesNo(text: string | undefined): boolean | undefined {
  return text === undefined ? undefined : ['yes', 'true'].includes(text.toLowerCase());
}

function portOf(line: ConfigLine | undefined, alias: string): number | undefined {
  if (line === undefined) return undefined;
  const [text = ''] = line.values;
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535) return Number(text);
  throw invalid(line.line, `port needs a number from 1 to 65535, not ${JSON.stringify(text)}`, alias);
}

function numberOf(line: ConfigLine | undefined, alias: string): number | undefined {
  if (line === undefined) return undefined;
  const [text = ''] = line.values;
  if (/^\d{1,6}$/.test(text)) return Number(text);
  if (line.keyword === 'connecttimeout' && text === 'none') return undefined;
  throw invalid(line.line, `${line.keyword} needs a number, not ${JSON.stringify(text)}`, alias);
}

function splitWords(raw: string, line: number): readonly string[] {
  const words: string[] = [];
  const text = raw.trim();
  if (text === '' || text.startsWith('#')) return words;
  let at = 0;
  while (at < text.length) {
    const char = text[at] ?? '';
    if (/\s/.test(char) || (char === '=' && words.length === 1)) {
      at += 1;
      continue;
    }
    if (char === '#') break;
    let word = '';
    if (char === '"') {
      const end = text.indexOf('"', at + 1);
      if (end === -1) throw invalid(line, 'a quote has no end');
      word = text.slice(at + 1, end);
      at = end + 1;
    } else {
      const stop = words.length === 0 ? /[\s=]/ : /\s/;
      const start = at;
      while (at < text.length && !stop.test(text[at] ?? '')) at += 1;
      word = text.slice(start, at);
    }
    words.push(word);
  }
  return words;
}

/** A field that is left out when it has no value. */
function optional<Key extends string, Value>(key: Key, value: Value | undefined): Partial<Record<Key, Value>> {
  const field: Partial<Record<Key, Value>> = {};
  if (value !== undefined) field[key] = value;
  return field;
}

function invalid(line: number, what: string, alias?: string): ProvisionerError {
  return new ProvisionerError('INVALID_CONFIG', `SSH client configuration, line ${String(line)}: ${what}`, {
    coordinates: { host: alias },
  });
}
