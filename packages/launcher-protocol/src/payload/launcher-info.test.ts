import { isProvisionerError } from '@gateway-provisioners/core';
import { describe, expect, test } from '@jest/globals';
import { loadVectors } from '../testing/vectors.ts';
import { parseLauncherInfo } from './launcher-info.ts';

const good = {
  shell_port: 50001,
  iopub_port: 50002,
  stdin_port: 50003,
  control_port: 50004,
  hb_port: 50005,
  ip: '0.0.0.0',
  key: 'a-key',
  kernel_id: 'k',
};
const keys = { curve_publickey: 'a'.repeat(40), curve_secretkey: 'b'.repeat(40) };

function problem(value: unknown): string {
  try {
    parseLauncherInfo(value);
    return 'none';
  } catch (error) {
    return isProvisionerError(error, 'INVALID_CONNECTION_INFO') ? error.message : `not ours: ${String(error)}`;
  }
}

describe('parseLauncherInfo', () => {
  test('takes what all launchers of the vectors send', async () => {
    const { accepted } = await loadVectors.version1();
    for (const { expected } of accepted) {
      expect(parseLauncherInfo(expected)).toMatchObject({ pid: 4711, commPort: 50006, droppedCurveKeys: false });
    }
  });

  test('fills in what may be missing', () => {
    expect(parseLauncherInfo({ ...good, kernel_name: '', comm_port: 0, pid: null })).toEqual({
      connection: { ...good, kernel_id: undefined, transport: 'tcp', signature_scheme: 'hmac-sha256' },
      kernelId: 'k',
      droppedCurveKeys: false,
    });
  });

  test('CurveZMQ keys count as a pair or not at all', () => {
    expect(parseLauncherInfo({ ...good, ...keys }).connection).toMatchObject(keys);
    for (const bad of [
      { curve_publickey: keys.curve_publickey },
      { curve_secretkey: keys.curve_secretkey },
      { ...keys, curve_publickey: 'a'.repeat(39) },
      { ...keys, curve_secretkey: '~'.repeat(40) },
      { ...keys, curve_secretkey: '#'.repeat(40) },
      { ...keys, curve_secretkey: 7 },
    ]) {
      const info = parseLauncherInfo({ ...good, ...bad });
      expect(info.droppedCurveKeys).toBe(true);
      expect(info.connection).not.toHaveProperty('curve_publickey');
      expect(info.connection).not.toHaveProperty('curve_secretkey');
    }
  });

  test.each([
    ['ip', 'a b'],
    ['ip', undefined],
    ['shell_port', 0],
    ['hb_port', 65_536],
    ['iopub_port', '7x'],
    ['stdin_port', 1.5],
    ['control_port', undefined],
    ['key', 5],
    ['transport', 'ipc'],
    ['signature_scheme', 'hmac-md5'],
    ['pid', -1],
    ['pgid', 'one'],
    ['comm_port', -1],
    ['kernel_name', 5],
    ['kernel_id', undefined],
  ])('names %s when it is %j', (field, value) => {
    expect(problem({ ...good, key: 'SECRET', [field]: value })).toContain(`${field}: `);
  });

  test('names all problems at once, no value of any', () => {
    const message = problem({ ...good, key: ['SECRET'], ip: 'SECRET HOST', hb_port: 'SECRET PORT' });
    for (const field of ['key', 'ip', 'hb_port']) expect(message).toContain(`${field}: `);
    expect(message).not.toContain('SECRET');
    expect(problem(null)).toContain('(all): ');
  });
});
