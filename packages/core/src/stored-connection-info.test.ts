import { describe, expect, it } from '@jest/globals';
import type { ConnectionInfo } from './connection-info.ts';
import { parseStoredConnectionInfo } from './stored-connection-info.ts';

const ports = { shell_port: 1, iopub_port: 2, stdin_port: 3, control_port: 4, hb_port: 65_535 };
const good: ConnectionInfo = { transport: 'tcp', ip: '::1', ...ports, key: '', signature_scheme: 'hmac-sha256' };
const curve = { curve_publickey: 'p'.repeat(40), curve_secretkey: 's'.repeat(40) };

describe('parseStoredConnectionInfo', () => {
  it('reads what was stored, and nothing else that stands there', () => {
    for (const info of [good, { ...good, transport: 'ipc', ip: '/tmp/k' }, { ...good, kernel_name: 'r', ...curve }]) {
      expect(parseStoredConnectionInfo({ ...JSON.parse(JSON.stringify(info)), pid: 7 })).toStrictEqual(info);
    }
  });

  it('names what is wrong and repeats no value', () => {
    const bad = { ...good, transport: 'udp', hb_port: 0, shell_port: '1', key: undefined, curve_secretkey: [7_777] };
    expect(() => parseStoredConnectionInfo(bad)).toThrow(
      expect.objectContaining({
        code: 'INVALID_CONNECTION_INFO',
        message: 'stored connection info cannot be used: transport, shell_port, hb_port, key, curve_secretkey',
      }),
    );
    for (const value of [undefined, null, 'text', [good]]) {
      expect(() => parseStoredConnectionInfo(value)).toThrow('it is no JSON object');
    }
    for (const name of Object.keys(good)) {
      expect(() => parseStoredConnectionInfo({ ...good, [name]: undefined })).toThrow(`used: ${name}`);
    }
  });
});
