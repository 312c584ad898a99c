import { createHmac, timingSafeEqual } from 'node:crypto';

/** What files of known hosts say about one host. */
export interface KnownHostKeys {
  readonly trusted: readonly HostKey[];
  readonly revoked: readonly HostKey[];
  /** A certificate authority vouches for the host; certificates are not supported. */
  readonly hasAuthority: boolean;
}

export interface HostKey {
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`, … */
  readonly type: string;
  /** The key in SSH's wire form. */
  readonly blob: Buffer;
}

interface KnownHostLine {
  readonly marker: 'cert-authority' | 'revoked' | undefined;
  readonly patterns: readonly string[];
  readonly key: HostKey;
}

/** How a host is called in files of known hosts: the port is part of the name unless it is 22. */
export function knownHostName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === 22 ? name : `[${name}]:${String(port)}`;
}

/**
 * Looks a host up in the text of a `known_hosts` file, as sshd(8) describes it: comma lists with `*`, `?` and `!`, hashed
 * names, `[host]:port`, the markers `@revoked` and `@cert-authority`. Lines that cannot be read are skipped, as OpenSSH
 * does.
 */
export function findHostKeys(text: string, options: { readonly host: string; readonly port: number }): KnownHostKeys {
  const name = knownHostName(options.host, options.port);
  const lines = text
    .split(/\r?\n/)
    .map(parseLine)
    .filter((line) => line !== undefined)
    .filter((line) => matchesHost(line.patterns, name));
  const keysWith = (marker: KnownHostLine['marker']): readonly HostKey[] =>
    lines.filter((line) => line.marker === marker).map((line) => line.key);
  return {
    trusted: keysWith(undefined),
    revoked: keysWith('revoked'),
    hasAuthority: keysWith('cert-authority').length > 0,
  };
}

/** A line for a host that is seen for the first time. */
export function knownHostLine(options: {
  readonly host: string;
  readonly port: number;
  readonly blob: Buffer;
}): string {
  return `${knownHostName(options.host, options.port)} ${keyType(options.blob)} ${options.blob.toString('base64')}\n`;
}

/** The type that a key in wire form names; empty when it is none. */
export function keyType(blob: Buffer): string {
  if (blob.length < 4) return '';
  const length = blob.readUInt32BE(0);
  return length > 64 || blob.length < 4 + length ? '' : blob.toString('latin1', 4, 4 + length);
}

function parseLine(line: string): KnownHostLine | undefined {
  const trimmed = line.trim();
  if (trimmed === '' || trimmed.startsWith('#')) return undefined;
  const words = trimmed.split(/[ \t]+/);
  const marker = trimmed.startsWith('@') ? words.shift() : undefined;
  if (marker !== undefined && marker !== '@revoked' && marker !== '@cert-authority') return undefined;
  const [hosts, type, encoded] = words;
  if (hosts === undefined || type === undefined || encoded === undefined) return undefined;
  const blob = Buffer.from(encoded, 'base64');
  // With a character too few or too many, base64 would be read as another key.
  if (blob.toString('base64') !== encoded || keyType(blob) !== type) return undefined;
  return {
    marker: marker === '@revoked' ? 'revoked' : marker === undefined ? undefined : 'cert-authority',
    patterns: hosts.split(','),
    key: { type, blob },
  };
}

function matchesHost(patterns: readonly string[], name: string): boolean {
  let isMatch = false;
  for (const pattern of patterns) {
    if (pattern.startsWith('|')) {
      isMatch ||= matchesHash(pattern, name);
    } else if (pattern.startsWith('!')) {
      if (matchesPattern(pattern.slice(1), name)) return false;
    } else {
      isMatch ||= matchesPattern(pattern, name);
    }
  }
  return isMatch;
}

/** `|1|salt|hash`: HMAC-SHA1 of the name under the salt, both base64. */
function matchesHash(pattern: string, name: string): boolean {
  const [, version, salt = '', hash = ''] = pattern.split('|');
  if (version !== '1' || salt === '' || hash === '') return false;
  const expected = Buffer.from(hash, 'base64');
  const actual = createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

/** `*` and `?` as in ssh_config(5); letters of either case are the same. */
export function matchesPattern(pattern: string, text: string): boolean {
  const wanted = pattern.toLowerCase();
  const given = text.toLowerCase();
  let at = 0;
  let inText = 0;
  let star = -1;
  let resume = 0;
  while (inText < given.length) {
    if (wanted[at] === '*') {
      star = at;
      resume = inText;
      at += 1;
    } else if (at < wanted.length && (wanted[at] === '?' || wanted[at] === given[inText])) {
      at += 1;
      inText += 1;
    } else if (star !== -1) {
      at = star + 1;
      resume += 1;
      inText = resume;
    } else {
      return false;
    }
  }
  while (wanted[at] === '*') at += 1;
  return at === wanted.length;
}
