import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { ProvisionerError } from '@gateway-provisioners/core';
import type { ConnectionInfo } from '@gateway-provisioners/core';
import { dockerConfigSchema } from '../settings/docker-settings.ts';
import { hostOfEngine, publicationOf } from './published-ports.ts';
import { wayToContainer } from './way-to-container.ts';

const SOCKET = 'unix:///var/run/docker.sock';
const publication = (config: object, engine: string) => publicationOf(dockerConfigSchema.parse(config), engine);

describe('ports are published', () => {
  test.each([
    [{}, SOCKET, undefined],
    [{ publish_ports: 'no' }, SOCKET, undefined],
    [{ publish_ports: true, docker_network: 'host' }, SOCKET, undefined],
    [{ publish_ports: true }, SOCKET, ['127.0.0.1', '127.0.0.1']],
    [{ publish_ports: true, publish_address: '0.0.0.0' }, SOCKET, ['0.0.0.0', '127.0.0.1']],
    [{ publish_ports: true, publish_address: '172.17.0.1' }, SOCKET, ['172.17.0.1', '172.17.0.1']],
    [{ publish_ports: true }, 'tcp://10.0.0.5:2376', ['10.0.0.5', '10.0.0.5']],
    [{ publish_ports: true }, 'tcp://[fd00::5]:2376', ['fd00::5', 'fd00::5']],
    [{ publish_ports: true, publish_address: '10.0.0.5' }, 'tcp://engine.example:2376', ['10.0.0.5', 'engine.example']],
    [{ publish_ports: true, publish_address: '10.0.0.5' }, 'ssh://me@engine.example', ['10.0.0.5', 'engine.example']],
  ])('%j with %s: %j', (config, engine, expected) => {
    const [bindAddress, host] = expected ?? [];
    expect(publication(config, engine)).toEqual(expected === undefined ? undefined : { bindAddress, host });
  });

  test('not at every address of another machine without being told to', () => {
    expect(() => publication({ publish_ports: true }, 'tcp://engine.example:2376')).toThrow(
      expect.objectContaining({ code: 'INVALID_CONFIG', message: expect.stringContaining('publish_address') }),
    );
  });

  test.each(['', 'engine.example', '127.0.0.1:1', 'a b'])('at an address, not at %j', (publish_address) => {
    expect(() => dockerConfigSchema.parse({ publish_address })).toThrow();
  });
});

test.each([
  [SOCKET, undefined],
  ['tcp://10.0.0.5:2376', '10.0.0.5'],
  ['tcp://[::1]:2376', '::1'],
  ['ssh://me@engine.example:22', 'engine.example'],
])('the machine of %s is %s', (address, host) => {
  expect(hostOfEngine(address)).toBe(host);
});

test('channels and the launcher’s listener are reached where their ports are published', async () => {
  const connection: ConnectionInfo = {
    ...{ transport: 'tcp', ip: '0.0.0.0', key: 'k', signature_scheme: 'hmac-sha256' },
    ...{ shell_port: 50_100, iopub_port: 50_101, stdin_port: 50_102, control_port: 50_103, hb_port: 50_104 },
  };
  const server = createServer((socket) => socket.end('hello'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const place = {
    address: '127.0.0.1',
    portOf(inside: number) {
      if (inside === 50_105) return port;
      if (inside > 50_105) throw new ProvisionerError('LAUNCH_FAILED', 'not published');
      return inside - 50_000;
    },
  };
  try {
    const way = wayToContainer({ connection }, place);
    expect(way.connection).toEqual({
      info: {
        ...connection,
        ...{ ip: '127.0.0.1', shell_port: 100, iopub_port: 101, stdin_port: 102, control_port: 103, hb_port: 104 },
      },
    });
    const { signal } = new AbortController();
    const dial = (inside: number) => way.dialComm?.({ host: 'elsewhere', port: inside }, { signal });
    const socket = await dial(50_105);
    expect(await socket?.toArray()).toEqual([Buffer.from('hello')]);
    await expect(dial(50_106)).rejects.toMatchObject({ code: 'LAUNCH_FAILED' });
    expect(() => wayToContainer({ connection: { ...connection, hb_port: 60_000 } }, place)).toThrow('not published');
  } finally {
    server.close();
  }
  await expect(
    wayToContainer({ connection }, place).dialComm?.(
      { host: 'elsewhere', port: 50_105 },
      { signal: new AbortController().signal },
    ),
  ).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
