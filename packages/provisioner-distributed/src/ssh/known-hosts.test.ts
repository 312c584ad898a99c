import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hostKeyAlgorithms, judgeHostKey } from './host-key-policy.ts';
import { findHostKeys, keyType, knownHostLine, matchesPattern } from './known-hosts.ts';

const blobOf = (type: string, seed = 'a'): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), Buffer.from(seed)]);
};
const ed25519 = blobOf('ssh-ed25519');
const rsa = blobOf('ssh-rsa');
const line = (hosts: string, blob: Buffer): string => `${hosts} ${keyType(blob)} ${blob.toString('base64')}`;
const hashed = (name: string): string => {
  const salt = randomBytes(20);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
};
const find = (text: string, host: string, port = 22) => findHostKeys(text, { host, port });

describe('findHostKeys', () => {
  test.each([
    ['a plain name', 'example.org', 'example.org', 22],
    ['a name in a list', 'other,example.org,10.0.0.1', 'example.org', 22],
    ['letters of another case', 'Example.ORG', 'example.org', 22],
    ['a pattern', '*.org', 'example.org', 22],
    ['a pattern with ?', 'node?', 'node7', 22],
    ['another port', '[example.org]:2222', 'example.org', 2222],
    ['a hashed name', hashed('example.org'), 'example.org', 22],
    ['a hashed name with a port', hashed('[example.org]:2222'), 'example.org', 2222],
    ['an IPv6 address', '[fd00::7]:2222', 'fd00::7', 2222],
  ])('finds %s', (...[, hosts, host, port]) => {
    expect(find(`# comment\n\n${line(hosts, ed25519)} comment of key\n`, host, port).trusted).toEqual([
      { type: 'ssh-ed25519', blob: ed25519 },
    ]);
  });

  test.each([
    ['another host', 'example.com', 'example.org', 22],
    ['a denied name', '*.org,!example.org', 'example.org', 22],
    ['the name without its port', 'example.org', 'example.org', 2222],
    ['the port without its name', '[example.org]:2222', 'example.org', 22],
    ['a hash of another name', hashed('example.com'), 'example.org', 22],
    ['a hash that is none', '|1|x|y', 'example.org', 22],
  ])('does not find %s', (...[, hosts, host, port]) => {
    expect(find(line(hosts, ed25519), host, port).trusted).toEqual([]);
  });

  test.each([
    ['a character too few', (text: string) => text.slice(0, -1)],
    ['a character too many', (text: string) => `${text}A`],
    ['another character', (text: string) => `${text.slice(0, -2)}-${text.slice(-1)}`],
    ['another type before it', (text: string) => text.replace('ssh-ed25519', 'ssh-rsa')],
    ['nothing but its type', (text: string) => text.replace(/ [^ ]+$/, ' AAAAC3NzaC1lZDI1NTE=')],
    ['no key', (text: string) => text.replace(/ [^ ]+$/, '')],
  ])('skips a key with %s', (_what, change) => {
    const good = line('example.org', blobOf('ssh-ed25519', 'abcd'));
    expect(find(good, 'example.org').trusted).toHaveLength(1);
    expect(find(`${change(good)}\n${good}`, 'example.org').trusted).toHaveLength(1);
  });

  test('tells revoked keys and authorities apart', () => {
    const text = [
      line('a', rsa),
      `@revoked ${line('*', ed25519)}`,
      `@cert-authority ${line('a', rsa)}`,
      `@new ${line('a', rsa)}`,
    ].join('\r\n');
    const keys = find(text, 'a');
    expect(keys).toMatchObject({ hasAuthority: true });
    expect([keys.trusted.length, keys.revoked.length]).toEqual([1, 1]);
  });

  test('reads back the line that it writes', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,30}$/),
        fc.integer({ min: 1, max: 65_535 }),
        (host, port) => {
          const text = knownHostLine({ host, port, blob: ed25519 });
          expect(find(text, host, port).trusted).toHaveLength(1);
          expect(find(text, `${host}x`, port).trusted).toHaveLength(0);
        },
      ),
    );
  });

  test('reads any text without an error, and trusts nothing in it that is no key', () => {
    const words = fc.constantFrom('a', '@revoked', '|1|', '*', '!', '[a]:22', 'ssh-rsa', 'AAAA', '#', ' ', '\n', ',');
    fc.assert(
      fc.property(fc.array(fc.oneof(words, fc.string()), { maxLength: 40 }), (parts) => {
        for (const { type, blob } of find(parts.join(' '), 'a').trusted) expect(keyType(blob)).toBe(type);
      }),
    );
  });
});

describe('matchesPattern', () => {
  test('agrees with the same pattern as a regular expression', () => {
    const chars = fc.array(fc.constantFrom('a', 'b', '*', '?', '.'), { maxLength: 12 }).map((list) => list.join(''));
    fc.assert(
      fc.property(chars, fc.stringMatching(/^[ab.]{0,12}$/), (pattern, text) => {
        const expression = pattern.replace(/[.*?]/g, (char) => ({ '.': '\\.', '*': '.*', '?': '.' })[char] ?? char);
        expect(matchesPattern(pattern, text)).toBe(new RegExp(`^${expression}$`).test(text));
      }),
    );
  });
});

describe('host keys', () => {
  const question = (text: string, checking: 'strict' | 'accept-new' = 'strict') => ({
    host: 'a',
    port: 22,
    known: find(text, 'a'),
    checking,
    files: ['/known_hosts'],
  });

  test('the algorithms of known keys are offered first, RSA with SHA-2 only', () => {
    expect(hostKeyAlgorithms(find(line('a', rsa), 'a')).slice(0, 3)).toEqual([
      'rsa-sha2-512',
      'rsa-sha2-256',
      'ssh-ed25519',
    ]);
    expect(hostKeyAlgorithms(find('', 'a'))).toHaveLength(6);
  });

  test('a known key is taken', () => {
    expect(judgeHostKey(rsa, question(line('a', rsa)))).toBe('known');
  });

  test.each([
    ['a changed key', line('a', blobOf('ssh-rsa', 'b')), 'strict', /another ssh-rsa key/],
    [
      'a changed key, also when new ones are taken',
      line('a', blobOf('ssh-rsa', 'b')),
      'accept-new',
      /another ssh-rsa key/,
    ],
    ['a key of a type that is not known', line('a', ed25519), 'accept-new', /keys of other types are known/],
    ['an unknown host', '', 'strict', /none such is known/],
    ['a revoked key, though it is known', `${line('a', rsa)}\n@revoked ${line('a', rsa)}`, 'accept-new', /@revoked/],
    [
      'a host of an authority',
      `@cert-authority ${line('a', ed25519)}`,
      'accept-new',
      /host certificates are not supported/,
    ],
  ] as const)('%s is refused, and the message says where it looked', (...[, text, checking, message]) => {
    const judge = (): unknown => judgeHostKey(rsa, question(text, checking));
    expect(judge).toThrow(message);
    expect(judge).toThrow(expect.objectContaining({ code: 'HOST_KEY_REJECTED' }));
    expect(judge).toThrow('/known_hosts');
  });

  test('an unknown host is taken on first use only by that option', () => {
    expect(judgeHostKey(rsa, question('', 'accept-new'))).toBe('new');
  });
});
