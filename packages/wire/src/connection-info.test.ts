import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import { parseConnectionInfo } from './connection-info.ts';

const good = {
  transport: 'tcp',
  ip: '127.0.0.1',
  shell_port: 50001,
  iopub_port: 50002,
  stdin_port: 50003,
  control_port: 50004,
  hb_port: 50005,
  key: 'a-key',
  signature_scheme: 'hmac-sha256',
};

function problems(value: unknown): string {
  try {
    parseConnectionInfo(value);
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_CONNECTION_INFO' });
    return error instanceof Error ? error.message : '';
  }
  return 'none';
}

describe('parseConnectionInfo', () => {
  test('reads what Jupyter writes and ignores what it does not know', () => {
    const curve = { curve_publickey: 'p'.repeat(40), curve_secretkey: '*'.repeat(40) };
    const value = { ...good, kernel_name: 'python3', ...curve };
    expect(parseConnectionInfo({ ...value, comm_port: 1, kernel_id: 'x', pid: 7 })).toEqual(value);
  });

  test('transport and signature scheme have defaults; null means none', () => {
    const rest = { ...good, transport: undefined, signature_scheme: undefined };
    expect(parseConnectionInfo({ ...rest, kernel_name: null, curve_publickey: null })).toEqual(good);
  });

  test('ports may be text, the key bytes', () => {
    const info = parseConnectionInfo({ ...good, shell_port: '50001', key: Buffer.from('a-key') });
    expect(info).toEqual(good);
  });

  test.each([
    ['::1', '::1'],
    ['[::1]', '::1'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['10.0.0.1', '10.0.0.1'],
    ['node-7.cluster_a.local.', 'node-7.cluster_a.local.'],
  ])('address %s', (ip, expected) => {
    expect(parseConnectionInfo({ ...good, ip }).ip).toBe(expected);
  });

  test.each(['', '*', 'a b', '[10.0.0.1]', '[::1', '-x', 'tcp://h', 'a..b', 'h:80', 'x'.repeat(64)])(
    '%j is no address',
    (ip) => {
      expect(problems({ ...good, ip })).toContain('ip is neither an IP address nor a host name (got ');
    },
  );

  test('ipc takes the prefix of a path', () => {
    const ipc = { ...good, transport: 'ipc', ip: '/run/user/1/kernel-1', shell_port: 1 };
    expect(parseConnectionInfo(ipc)).toEqual(ipc);
    for (const ip of ['', 'a\0b']) expect(problems({ ...ipc, ip })).toContain('ip is not the prefix of a path');
  });

  test.each([0, 65_536, -1, 1.5, '0', '065536', '1e3', '', ' 7', true, [], Number.NaN])('%j is no port', (port) => {
    expect(problems({ ...good, iopub_port: port })).toContain('iopub_port is not a port (1 to 65535) (got ');
  });

  test('all problems are listed at once', () => {
    const value = {
      transport: 'udp',
      ip: 7,
      shell_port: 0,
      key: 5,
      signature_scheme: 'hmac-md5',
      kernel_name: 1,
      curve_publickey: 'x',
    };
    expect(problems(value)).toBe(
      'connection info cannot be used: transport is not "tcp" or "ipc" (got "udp"); ip is not text (got 7); ' +
        'shell_port is not a port (1 to 65535) (got 0); iopub_port is missing; stdin_port is missing; ' +
        'control_port is missing; hb_port is missing; key is neither text nor bytes; ' +
        'signature_scheme is not "hmac-sha256" (got "hmac-md5"); kernel_name is not text (got 1); ' +
        'curve_publickey is not a key of 40 Z85 characters; ' +
        'curve_secretkey is missing, though there is a curve_publickey',
    );
    expect(problems({})).toContain('key is missing (empty text disables signing)');
  });

  test.each([null, undefined, [], 'text', 7])('%j is no connection info', (value) => {
    expect(problems(value)).toBe('connection info cannot be used: it is not a JSON object');
  });

  test('CurveZMQ keys: both, of 40 Z85 characters, and never shown', () => {
    const [publicKey, secretKey] = ['p'.repeat(40), 's'.repeat(40)];
    const bytes = { curve_publickey: Buffer.from(publicKey), curve_secretkey: Buffer.from(secretKey) };
    expect(parseConnectionInfo({ ...good, ...bytes }).curve_secretkey).toBe(secretKey);
    expect(problems({ ...good, curve_secretkey: secretKey })).toContain('curve_publickey is missing');
    const wrong = problems({ ...good, curve_publickey: publicKey, curve_secretkey: `${secretKey.slice(1)}~` });
    expect(wrong).toContain('curve_secretkey is not a key of 40 Z85 characters');
    expect(wrong).not.toContain('sss');
  });

  test('long values are shown in part, the key never', () => {
    expect(problems({ ...good, ip: `-${'y'.repeat(500)}`, key: ['secret'] }).length).toBeLessThan(300);
    expect(problems({ ...good, key: ['secret'] })).not.toContain('secret');
  });
});
