import { createHmac } from 'node:crypto';
import { disturbDeep, fuzzTarget, mutateBytes, mutateText, sharedFuzzTarget } from '@gateway-provisioners/core/testing';
import type { FuzzTarget, SeededRandom } from '@gateway-provisioners/core/testing';
import { formatRemoteState, parseRemoteState } from '@gateway-provisioners/core/remote';
import type { ProvisionerState } from '@gateway-provisioners/core';
import { inspectKernel } from '../remote-process.ts';
import type { ShellHost } from '../shell/run-program.ts';
import { isEncrypted } from '../ssh/encrypted-key.ts';
import { findHostKeys, keyType, knownHostLine } from '../ssh/known-hosts.ts';
import { parseHostEntry } from '../ssh/resolve-target.ts';
import { hostSettings, parseSshConfig } from '../ssh/ssh-config-file.ts';

/** Everything that reads SSH's own files, an operator's list of hosts, and what a host says of a kernel. */
export const decoderFuzzTargets: readonly FuzzTarget[] = [
  fuzzTarget('known-hosts', 'INVALID_CONFIG', tryKnownHosts),
  fuzzTarget('ssh-config', 'INVALID_CONFIG', trySshConfig),
  fuzzTarget('host-entries', 'INVALID_CONFIG', tryHostEntry),
  fuzzTarget('key-files', 'INVALID_CONFIG', tryKeyFile),
  fuzzTarget('kernel-reports', 'HOST_COMMAND_FAILED', tryReport),
  fuzzTarget('remote-state', 'INVALID_ARGUMENT', tryState),
];

/** All of them in turn: each is small. */
export const fuzzTargets: readonly FuzzTarget[] = [sharedFuzzTarget('ssh-hosts', decoderFuzzTargets)];

function check(holds: boolean, promise: string, input: string): void {
  if (!holds) throw new Error(`${promise}; input: ${JSON.stringify(input)}`);
}

const KEY = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.alloc(36, 7)]);
const SALT = Buffer.alloc(20, 3);
const HASHED = `|1|${SALT.toString('base64')}|${createHmac('sha1', SALT).update('node1').digest('base64')}`;
const KNOWN_HOSTS = [
  '# a comment',
  `node1,10.0.0.7 ssh-ed25519 ${KEY.toString('base64')} me@here`,
  `${HASHED} ssh-ed25519 ${KEY.toString('base64')}`,
  `@revoked * ssh-ed25519 ${KEY.toString('base64')}`,
  `@cert-authority *.example.org,!bad.example.org ssh-ed25519 ${KEY.toString('base64')}`,
  `[node1]:2222 ssh-ed25519 ${KEY.toString('base64')}`,
];

function tryKnownHosts(random: SeededRandom): boolean {
  const lines = KNOWN_HOSTS.filter(() => random.below(2) === 0);
  const input = mutateText(lines.join(random.pick(['\n', '\r\n'])), random);
  const host = random.pick(['node1', '10.0.0.7', 'a.example.org', 'bad.example.org', '']);
  const port = random.pick([22, 2222]);
  const { trusted, revoked } = findHostKeys(input, { host, port });
  for (const { type, blob } of [...trusted, ...revoked]) {
    check(type !== '' && keyType(blob) === type, 'a key of another type than it says', input);
    check(input.includes(blob.toString('base64').replace(/=+$/, '')), 'a key that is in no line', input);
  }
  const withOurs = `${input}\n${knownHostLine({ host: 'zz', port, blob: KEY })}`;
  check(findHostKeys(withOurs, { host: 'zz', port }).trusted.length > 0, 'a line hides the one after it', input);
  return trusted.length > 0;
}

const SSH_CONFIG = `# hosts
Host node* !node9
  HostName %h.example.org
  Port=2200
  IdentityFile "~/.ssh/id of %h"
  ConnectTimeout 7
Host inner
  ProxyJump bob@bastion:2022,second
  UserKnownHostsFile /etc/known "/etc/more known"
Match exec "touch /tmp/never"
  User mallory
Match all
  ServerAliveInterval 20
  ServerAliveCountMax 3
  IdentitiesOnly yes
`;

function trySshConfig(random: SeededRandom): boolean {
  const input = mutateText(SSH_CONFIG, random);
  const lines = parseSshConfig(input);
  check(
    lines.every(({ keyword, line }) => keyword === keyword.toLowerCase() && line >= 1),
    'a line without a number',
    input,
  );
  const settings = hostSettings(lines, random.pick(['node1', 'node9', 'inner', 'other']));
  const { port = 1, connectTimeoutMs = 0, serverAliveIntervalMs = 0, serverAliveCountMax = 0 } = settings;
  check(Number.isInteger(port) && port >= 1 && port <= 65_535, 'a port that is none', input);
  check(
    [connectTimeoutMs, serverAliveIntervalMs, serverAliveCountMax].every((number) => Number.isFinite(number)),
    'a number that is none',
    input,
  );
  return true;
}

const ENTRIES = ['node1', 'alice@node1:2222', '[fd00::7]:22', 'fd00::7', 'me@[fe80::1%eth0]:1', '10.0.0.1:65535'];

function tryHostEntry(random: SeededRandom): boolean {
  const input = mutateText(random.pick(ENTRIES), random);
  const { host, user, port = 22 } = parseHostEntry(input);
  check(host !== '' && !host.startsWith('-') && !/[\s@]/.test(host), 'a host that is none', input);
  check(user !== '', 'an empty user', input);
  check(Number.isInteger(port) && port >= 1 && port <= 65_535, 'a port that is none', input);
  return true;
}

function openSshKey(cipher: string): string {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(cipher.length);
  const body = Buffer.concat([Buffer.from('openssh-key-v1\0'), length, Buffer.from(cipher), Buffer.alloc(20)]);
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${body.toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`;
}

const KEY_FILES = [
  openSshKey('none'),
  openSshKey('aes256-ctr'),
  '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----',
];

function tryKeyFile(random: SeededRandom): boolean {
  const input = mutateText(random.pick(KEY_FILES), random);
  return isEncrypted(input);
}

const REPORTS = ['alive\nsome log\n', 'gone\n', 'exit 137\n\ufeffkilled é\n', 'exit 0\n', 'alive'];

async function tryReport(random: SeededRandom): Promise<boolean> {
  const report = Buffer.from(random.pick(REPORTS));
  const changed = random.below(3) === 0 ? report : mutateBytes(report, random);
  const status = random.pick(['0', '0', '0', '1', '']);
  const host: ShellHost = {
    name: 'fuzz',
    exec: ({ stdin }) => {
      const [, mark = ''] = /'\\n%s-begin\\n' (\S+)/.exec(Buffer.from(stdin).toString()) ?? [];
      const parts = [`welcome\n\n${mark}-begin\n`, changed, `\n${mark}-end ${status}\n`].map((part) =>
        Buffer.from(part),
      );
      // A profile that prints, and a connection that ends too early.
      const whole = Buffer.concat(parts);
      const stdout = random.below(4) === 0 ? whole.subarray(0, random.below(whole.length)) : whole;
      return Promise.resolve({ stdout, stderr: Buffer.from('said'), exitCode: 0 });
    },
  };
  const maxLogBytes = random.below(30);
  const place = { remoteDir: '~/d', name: 'n', owner: 'o' };
  const found = await inspectKernel(host, place, { maxLogBytes });
  const input = changed.toString('base64');
  check(status === '0', 'a program that failed was believed', input);
  check(found.is !== 'exited' || Number.isFinite(found.status), 'an exit status that is none', input);
  // Each byte that is no text may become a character of three.
  check(Buffer.byteLength(found.log) <= 3 * maxLogBytes, 'more of a log than was asked for', input);
  return found.is !== 'gone';
}

const STATE = {
  version: 1,
  instanceId: 'i',
  kernelId: 'k',
  incarnation: 1,
  interruptSignal: 2,
  resource: { host: 'node1', user: 'alice' },
  connection: {
    transport: 'tcp',
    ip: '10.0.0.7',
    shell_port: 1,
    iopub_port: 2,
    stdin_port: 3,
    control_port: 4,
    hb_port: 5,
    key: 'k',
    signature_scheme: 'hmac-sha256',
  },
  peerAddress: '10.0.0.7',
  comm: { version: 2, kernelId: 'k', host: '10.0.0.7', port: 7, key: 'AAAA', leaseMs: 5 },
};

function tryState(random: SeededRandom): boolean {
  const text = JSON.stringify(disturbDeep(STATE, random));
  // What a store or a host holds may be anything; the type says only what it should be.
  const state = parseRemoteState(JSON.parse(text) as ProvisionerState);
  check(state.incarnation >= 1 && state.interruptSignal <= 64, 'a number out of its range', text);
  const again = parseRemoteState(formatRemoteState(state));
  check(JSON.stringify(again) === JSON.stringify(state), 'written and read, a state differs', text);
  return true;
}
