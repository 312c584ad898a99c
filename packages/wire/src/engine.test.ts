import { describe, expect, test } from '@jest/globals';
import type { ChannelTransport, ConnectionInfo, KernelConnection } from '@gateway-provisioners/core';
import { selectEngine } from './engine.ts';
import type { EngineChoice } from './engine.ts';

const info: ConnectionInfo = {
  transport: 'tcp',
  ip: '127.0.0.1',
  shell_port: 1,
  iopub_port: 2,
  stdin_port: 3,
  control_port: 4,
  hb_port: 5,
  key: '',
  signature_scheme: 'hmac-sha256',
};
const transport: ChannelTransport = { connect: () => Promise.reject(new Error('never')) };
const plain: KernelConnection = { info };
const curve: KernelConnection = { info: { ...info, curve_publickey: 'x'.repeat(40), curve_secretkey: 'y'.repeat(40) } };

describe('selectEngine', () => {
  test.each<{ what: string; connection: KernelConnection; choice?: EngineChoice; name: string }>([
    { what: 'plain', connection: plain, name: 'zmtp' },
    { what: 'plain', connection: plain, choice: 'auto', name: 'zmtp' },
    { what: 'plain', connection: plain, choice: 'zmtp', name: 'zmtp' },
    { what: 'plain', connection: plain, choice: 'zeromq', name: 'zeromq' },
    { what: 'encrypted', connection: curve, choice: 'auto', name: 'zeromq' },
    { what: 'encrypted', connection: curve, choice: 'zeromq', name: 'zeromq' },
    { what: 'with a transport', connection: { info, transport }, choice: 'auto', name: 'zmtp' },
    { what: 'with an empty key', connection: { info: { ...info, curve_publickey: '' } }, choice: 'auto', name: 'zmtp' },
  ])('$what connection, $choice → $name', ({ connection, choice, name }) => {
    const engine = selectEngine(connection, choice);
    expect(engine.name).toBe(name);
    expect(engine.supports(connection)).toBe(true);
  });

  test.each<{ what: string; connection: KernelConnection; choice: EngineChoice; code: string }>([
    { what: 'encrypted, but zmtp was chosen', connection: curve, choice: 'zmtp', code: 'ENCRYPTION_UNAVAILABLE' },
    {
      what: 'encrypted, with a transport',
      connection: { ...curve, transport },
      choice: 'auto',
      code: 'ENCRYPTION_UNAVAILABLE',
    },
    {
      what: 'with a transport, but zeromq was chosen',
      connection: { info, transport },
      choice: 'zeromq',
      code: 'INVALID_CONNECTION_INFO',
    },
  ])('refuses a connection that is $what', ({ connection, choice, code }) => {
    expect(() => selectEngine(connection, choice)).toThrow(expect.objectContaining({ code }));
  });
});

test('the engines themselves refuse what they cannot serve', () => {
  const options = { channel: 'shell', identity: Buffer.from('x'), onMessages: () => undefined } as const;
  const zmtp = selectEngine(plain, 'zmtp');
  const zeromq = selectEngine(plain, 'zeromq');
  expect(zmtp.supports(curve)).toBe(false);
  expect(zeromq.supports({ info, transport })).toBe(false);
  expect(() => zmtp.open({ ...options, connection: curve })).toThrow(
    expect.objectContaining({ code: 'ENCRYPTION_UNAVAILABLE' }),
  );
  expect(() => zeromq.open({ ...options, connection: { info, transport } })).toThrow(
    expect.objectContaining({ code: 'INVALID_CONNECTION_INFO' }),
  );
  for (const key of ['short', 'ä'.repeat(40), 'x'.repeat(41)]) {
    expect(() => zeromq.open({ ...options, connection: { info: { ...info, curve_publickey: key } } })).toThrow(
      expect.objectContaining({ code: 'INVALID_CONNECTION_INFO' }),
    );
  }
});
