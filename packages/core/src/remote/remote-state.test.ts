import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ProvisionerState } from '../provisioner.ts';
import { formatRemoteState, leastRemoteState, parseRemoteState } from './remote-state.ts';

const least = leastRemoteState({ instanceId: 'i', kernelId: 'k', incarnation: 2 }, { host: 'h' });
const connection = {
  transport: 'tcp',
  ip: '10.0.0.7',
  shell_port: 1,
  iopub_port: 2,
  stdin_port: 3,
  control_port: 4,
  hb_port: 5,
  key: 'secret-key',
  signature_scheme: 'hmac-sha256',
};

describe('the stored state of a remote kernel', () => {
  test('is read as it was written', () => {
    const state = parseRemoteState({
      ...least,
      connection,
      peerAddress: '10.0.0.7',
      comm: { version: 2, kernelId: 'k', host: 'h', port: 7, key: 'AAAA', leaseMs: 5 },
    });
    expect(parseRemoteState(formatRemoteState(state))).toEqual(state);
    expect(parseRemoteState(least)).toMatchObject({ kernelId: 'k', incarnation: 2, resource: { host: 'h' } });
  });

  test.each([
    ['incarnation', { incarnation: 0 }],
    ['interruptSignal', { interruptSignal: 65 }],
    ['version', { version: 2 }],
    ['resource', { resource: [] }],
    ['connection.shell_port', { connection: { ...connection, shell_port: 65_536 } }],
    ['connection.transport', { connection: { ...connection, transport: 'ipc' } }],
    ['comm.port', { comm: { version: 1, kernelId: 'k', host: 'h', port: 0 } }],
  ])('a wrong %s is refused by its name, and no value is repeated', (member, change) => {
    const refused = (): unknown => parseRemoteState({ ...least, ...change });
    expect(refused).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    expect(refused).toThrow(member);
    expect(refused).not.toThrow('secret-key');
  });

  test('anything else is refused: a record may hold what another provisioner wrote, or nobody', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(() => parseRemoteState(value as ProvisionerState)).toThrow(/not the state of a remote kernel: \w/);
      }),
    );
  });
});
