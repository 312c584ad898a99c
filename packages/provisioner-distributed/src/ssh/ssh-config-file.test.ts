import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { loadSshConfig, parseHostEntry, resolveTarget } from './resolve-target.ts';
import { hostSettings, parseSshConfig } from './ssh-config-file.ts';

const text = `
# my hosts
Host node* !node9
  HostName %h.example.org
  User=alice
  Port 2200
  IdentityFile "~/.ssh/id of %h"
  IdentityFile ~/.ssh/other # a comment

Host inner
  ProxyJump bob@bastion:2022,second
  UserKnownHostsFile /etc/known "/etc/more known"
  StrictHostKeyChecking accept-new

Match exec "touch /tmp/never"
  User mallory

Host *
  User everybody
  ServerAliveInterval 20
`;
const lines = parseSshConfig(text);

describe('SSH client configuration', () => {
  test('the first value for a keyword counts, and sections whose patterns match', () => {
    expect(hostSettings(lines, 'node1')).toEqual({
      hostName: 'node1.example.org',
      user: 'alice',
      port: 2200,
      identityFiles: ['~/.ssh/id of %h', '~/.ssh/other'],
      serverAliveIntervalMs: 20_000,
    });
    expect(hostSettings(lines, 'node9')).toMatchObject({ user: 'everybody', identityFiles: [] });
  });

  test('jump hosts, files of known hosts', () => {
    expect(hostSettings(lines, 'inner')).toMatchObject({
      proxyJump: ['bob@bastion:2022', 'second'],
      userKnownHostsFiles: ['/etc/known', '/etc/more known'],
      strictHostKeyChecking: 'accept-new',
    });
    expect(hostSettings(parseSshConfig('ProxyJump none'), 'a').proxyJump).toEqual([]);
  });

  test.each([
    ['a port that is no number', 'Host a\nPort ssh', 'line 2'],
    ['a port beyond the last', 'Host a\nPort 65536', 'line 2: port needs a number from 1 to 65535, not "65536"'],
    ['the port 0', 'Port 0', 'line 1: port needs a number from 1 to 65535, not "0"'],
    ['a port that is left out', 'Port', 'line 1: port needs a number from 1 to 65535, not ""'],
    ['a time with a unit', 'ConnectTimeout 1m', 'line 1: connecttimeout needs a number, not "1m"'],
    ['a quote without an end', 'User "a', 'quote'],
    ['a command as proxy', 'ProxyCommand nc %h %p', 'use ProxyJump'],
  ])('%s is an error that names the line or the keyword', (_what, bad, message) => {
    expect(() => hostSettings(parseSshConfig(bad), 'a')).toThrow(message);
  });

  test('values survive quoting', () => {
    const value = fc.stringMatching(/^[^"\r\n]{1,30}$/);
    fc.assert(
      fc.property(value, (user) => {
        expect(hostSettings(parseSshConfig(`\tUser "${user}"\r\n`), 'a').user).toBe(user);
      }),
    );
  });

  test('any text is read, or refused with INVALID_CONFIG', () => {
    const words = fc.constantFrom(
      'Host',
      'Match',
      'Port',
      'User',
      'ProxyJump',
      '=',
      '"',
      '*',
      '!',
      '\n',
      ' ',
      '#',
      '7',
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(words, fc.string()), { maxLength: 40 }), (parts) => {
        try {
          hostSettings(parseSshConfig(parts.join(' ')), 'a');
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_CONFIG' });
        }
      }),
    );
  });

  test('Include takes files in, also by pattern', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gp-ssh-config-'));
    try {
      await writeFile(join(folder, 'config'), `Include ${folder}/conf*.d\nHost b\n  User second\n`);
      await writeFile(join(folder, 'conf1.d'), 'Host a\n  User first\n');
      const included = await loadSshConfig({ ssh_config: join(folder, 'config') }, {});
      expect(hostSettings(included, 'a').user).toBe('first');
      expect(hostSettings(included, 'b').user).toBe('second');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('a configuration that is named must be there; the usual one need not', async () => {
    await expect(loadSshConfig({ ssh_config: '/nowhere/config' }, {})).rejects.toThrow('/nowhere/config');
    expect(await loadSshConfig({}, { HOME: '/nowhere' })).toEqual([]);
  });
});

describe('parseHostEntry', () => {
  test.each([
    ['node1', { host: 'node1' }],
    ['alice@node1', { user: 'alice', host: 'node1' }],
    ['alice@node1:2222', { user: 'alice', host: 'node1', port: 2222 }],
    ['[fd00::7]:22', { host: 'fd00::7', port: 22 }],
    ['fd00::7', { host: 'fd00::7' }],
  ])('%s', (entry, expected) => {
    expect(parseHostEntry(entry)).toEqual(expected);
  });

  test.each(['', '-oProxyCommand=x', 'a b', 'a:0', 'a:70000', '[a', 'a@'])('%j is refused', (entry) => {
    expect(() => parseHostEntry(entry)).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }));
  });
});

describe('resolveTarget', () => {
  const env = { HOME: '/home/me', USER: 'me' };

  test('settings of ours come before those of the SSH client configuration', () => {
    const target = resolveTarget('node1', { config: { remote_user: 'kernel', ssh_key_path: '~/k' }, env, lines });
    expect(target).toMatchObject({
      host: 'node1.example.org',
      user: 'kernel',
      port: 2200,
      keyFiles: ['/home/me/k'],
      keyFilesRequired: true,
      hostKeyChecking: 'strict',
      keepaliveIntervalMs: 20_000,
      keepaliveCountMax: 4,
    });
  });

  test('jump hosts are chained, and never get the password', () => {
    const { via, ...inner } = resolveTarget('inner', { config: { remote_password: 'secret' }, env, lines });
    expect(inner).toMatchObject({ user: 'everybody', password: 'secret', hostKeyChecking: 'accept-new' });
    expect(via).toMatchObject({ host: 'second', password: undefined });
    expect(via?.via).toMatchObject({ host: 'bastion', user: 'bob', port: 2022, password: undefined });
  });

  test('jump hosts that lead to each other are refused', () => {
    const loop = parseSshConfig('Host a\nProxyJump b\nHost b\nProxyJump a');
    expect(() => resolveTarget('a', { config: {}, env, lines: loop })).toThrow('lead to each other');
  });

  test.each([
    ['SSH_AUTH_SOCK', '', {}, '/run/env'],
    ['IdentityAgent, before SSH_AUTH_SOCK', 'IdentityAgent ~/agent', {}, '/home/me/agent'],
    ['IdentityAgent that says so', 'IdentityAgent SSH_AUTH_SOCK', {}, '/run/env'],
    ['IdentityAgent that names a variable', 'IdentityAgent $OTHER', {}, '/run/other'],
    ['none, by IdentityAgent', 'IdentityAgent none', {}, undefined],
    ['none, by IdentitiesOnly', 'IdentitiesOnly yes', {}, undefined],
    ['ssh_agent, before all', 'IdentitiesOnly yes\nIdentityAgent ~/agent', { ssh_agent: '/run/ours' }, '/run/ours'],
    ['none, by ssh_agent', 'IdentityAgent ~/agent', { ssh_agent: 'none' }, undefined],
  ] as const)('the agent is %s', (...[, settings, config, expected]) => {
    const context = {
      config,
      env: { ...env, SSH_AUTH_SOCK: '/run/env', OTHER: '/run/other' },
      lines: parseSshConfig(settings),
    };
    expect(resolveTarget('h', context).agent).toBe(expected);
  });

  test('the key of a host with an alias is looked up under the alias alone, whatever the port', () => {
    const aliased = parseSshConfig('Host h\nPort 2222\nHostKeyAlias alias');
    expect(resolveTarget('h', { config: {}, env, lines: aliased })).toMatchObject({
      port: 2222,
      hostKeyName: 'alias',
      hostKeyPort: 22,
    });
    expect(resolveTarget('h:2222', { config: {}, env, lines: [] }).hostKeyPort).toBeUndefined();
  });

  test('a key of ours does not take the place of the one that a jump host has', () => {
    const jump = parseSshConfig('Host h\nProxyJump j\nIdentityFile ~/h\nHost j\nIdentityFile ~/j');
    const { via, ...target } = resolveTarget('h', { config: { ssh_key_path: '/ours' }, env, lines: jump });
    expect(target).toMatchObject({ keyFiles: ['/ours'], otherKeyFiles: undefined });
    expect(via).toMatchObject({ keyFiles: ['/ours'], keyFilesRequired: true, otherKeyFiles: ['/home/me/j'] });
    const usual = resolveTarget('h', { config: {}, env, lines: jump });
    expect(usual.via).toMatchObject({ keyFiles: ['/home/me/j'], otherKeyFiles: undefined });
  });

  test('without anything, the user and the usual files of this account', () => {
    expect(resolveTarget('h', { config: {}, env, lines: [] })).toMatchObject({
      user: 'me',
      port: 22,
      keepaliveIntervalMs: 15_000,
      keepaliveCountMax: 4,
      connectTimeoutMs: 10_000,
      keyFiles: ['/home/me/.ssh/id_ed25519', '/home/me/.ssh/id_ecdsa', '/home/me/.ssh/id_rsa'],
      knownHostsFiles: ['/home/me/.ssh/known_hosts', '/home/me/.ssh/known_hosts2', '/etc/ssh/ssh_known_hosts'],
    });
  });
});
