import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import type { NetworkInterfaceInfo } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { answerAsLauncher } from '../testing/fake-launcher.ts';
import { ListenerBench } from '../testing/listener-bench.ts';
import { candidatePorts } from './bind-server.ts';
import { createResponseListener } from './create-response-listener.ts';
import { formatHostPort, parseHostPort } from './host-port.ts';
import { pickLocalAddress } from './local-address.ts';
import { peerList, plainAddress } from './peer-list.ts';
import { configFromEnv } from './settings.ts';

function entry(address: string, internal = false): NetworkInterfaceInfo {
  const rest = { address, netmask: '', mac: '', internal, cidr: null };
  return address.includes(':') ? { ...rest, family: 'IPv6', scopeid: 0 } : { ...rest, family: 'IPv4' };
}

describe('pickLocalAddress', () => {
  const interfaces = {
    lo: [entry('127.0.0.1', true), entry('::1', true)],
    eth0: [entry('fe80::1'), entry('fd00::7'), entry('172.17.0.2')],
    eth1: [entry('10.1.2.3')],
  };

  test.each([
    [[], '172.17.0.2'],
    [['172\\.17\\.'], '10.1.2.3'],
    [['17'], '10.1.2.3'],
    [['7\\.0'], '172.17.0.2'],
    [['172', '10'], '172.17.0.2'],
    [['', ' '], '172.17.0.2'],
    [['10|172'], '172.17.0.2'],
  ])('with %j prohibited: %s', (prohibited, expected) => {
    expect(pickLocalAddress(interfaces, prohibited)).toBe(expected);
  });

  test('without IPv4 an IPv6 address, without any loopback', () => {
    expect(pickLocalAddress({ eth0: interfaces.eth0.slice(0, 2) })).toBe('fd00::7');
    expect(pickLocalAddress({ lo: interfaces.lo, down: undefined })).toBe('127.0.0.1');
  });

  test('names a pattern that is none', () => {
    expect(() => pickLocalAddress(interfaces, ['('])).toThrow('regular expression');
  });
});

describe('host and port', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1', undefined],
    ['gateway:1', 'gateway', 1],
    ['::1', '::1', undefined],
    ['[::1]', '::1', undefined],
    ['[fd00::7]:8877', 'fd00::7', 8877],
  ])('%s', (text, host, port) => {
    expect(parseHostPort(text)).toEqual({ host, port });
  });

  test.each(['', ':', 'a:', 'a:0', 'a:65536', '[a]:1', '[::1', '::1]:1', 'a b', 'http://a', 'a:1:2', 'a/b'])(
    'refuses %j',
    (text) => {
      expect(() => parseHostPort(text)).toThrow('expected host');
    },
  );

  test('what is formatted is read back', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()), fc.integer({ min: 1, max: 65_535 }), (host, port) => {
        expect(parseHostPort(formatHostPort(host, port))).toEqual({ host, port });
      }),
    );
  });
});

test('peers: addresses and networks, of both families, mapped or not', () => {
  const isPeer = peerList(['10.0.0.0/8', '192.168.1.7', 'fd00::/8', '::1']);
  for (const address of [
    '10.255.0.1',
    '::ffff:10.1.2.3',
    '192.168.1.7',
    'fd12::1',
    '0:0:0:0:0:0:0:1',
    'fd00::1%eth0',
  ]) {
    expect([address, isPeer(address)]).toEqual([address, true]);
  }
  for (const address of ['11.0.0.1', '192.168.1.8', 'fe80::1%eth0', '::2', '', 'nonsense']) {
    expect([address, isPeer(address)]).toEqual([address, false]);
  }
  expect(plainAddress('::FFFF:1.2.3.4')).toBe('1.2.3.4');
});

describe('ports', () => {
  test('five in a row, then random ones around, as many as asked for', () => {
    for (let run = 0; run < 100; run += 1) {
      const ports = candidatePorts(8877, 10);
      expect(ports.slice(0, 5)).toEqual([8877, 8878, 8879, 8880, 8881]);
      expect(ports).toHaveLength(11);
      expect(ports.every((port) => Math.abs(port - 8877) <= 22)).toBe(true);
    }
    expect(candidatePorts(8877, 0)).toEqual([8877]);
    expect(candidatePorts(0, 10)).toEqual([0]);
    expect(candidatePorts(65_534, 3)).toEqual([65_534, 65_535]);
  });

  test('a port that is taken is passed over; none left is an error that says what to do', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      await using bench = await ListenerBench.start({ port, portRetries: 10 });
      expect(bench.listener.port).not.toBe(port);
      const none = createResponseListener({ address: '127.0.0.1', port, portRetries: 0 });
      await expect(none).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' });
      await expect(none).rejects.toThrow('in 1 attempts');
    } finally {
      server.close();
    }
  });

  test('an address of another machine is refused by name', async () => {
    const foreign = createResponseListener({ address: '192.0.2.1', port: 0 });
    await expect(foreign).rejects.toMatchObject({ code: 'INVALID_CONFIG' });
    await expect(foreign).rejects.toThrow('192.0.2.1');
  });

  test.each([{ rsaBits: 1024 }, { rsaBits: 8192 }, { port: -1 }, { maxConnections: 0 }, { connectionTimeoutMs: 0.5 }])(
    'refuses %j',
    async (options) => {
      const [name = ''] = Object.keys(options);
      await expect(createResponseListener({ address: '127.0.0.1', port: 0, ...options })).rejects.toThrow(name);
    },
  );
});

describe('addresses', () => {
  test('over IPv6, in brackets; version 1 cannot be expected there', async () => {
    await using bench = await ListenerBench.start({ address: '::1' });
    expect(bench.listener.responseAddress).toBe(`[::1]:${bench.listener.port}`);
    const expected = await bench.expect({ peers: ['::1'] });
    await answerAsLauncher(expected.parameters, { version: 2, fields: { comm_port: 9 } });
    const answer = await expected.answer;
    expect(answer).toMatchObject({ peerAddress: '::1', comm: { state: { host: '::1' } } });
    await expect(bench.expect({ protocol: 1 })).rejects.toThrow('IPv6');
  });

  test('on all addresses it answers over IPv4 and IPv6, and sees IPv4 peers as such', async () => {
    await using bench = await ListenerBench.start({ address: '127.0.0.1', anyAddress: true });
    const { port } = bench.listener;
    for (const host of ['127.0.0.1', '::1']) {
      const expected = await bench.expect({ peers: [host] });
      const there = { ...expected.parameters.public, responseAddress: formatHostPort(host, port) };
      await answerAsLauncher({ ...expected.parameters, public: there }, { version: 1 });
      await expect(expected.answer).resolves.toMatchObject({ peerAddress: host });
    }
  });

  test('what launchers are told may differ from what is listened on', async () => {
    await using host = await ListenerBench.start({ advertisedAddress: 'gateway.example' });
    expect(host.listener.responseAddress).toBe(`gateway.example:${host.listener.port}`);
    await using both = await ListenerBench.start({ advertisedAddress: 'gateway.example:443' });
    expect(both.listener.responseAddress).toBe('gateway.example:443');
    await using bound = await ListenerBench.start({ address: '192.0.2.1', bindAddress: '127.0.0.1' });
    expect(bound.listener.responseAddress).toBe(`192.0.2.1:${bound.listener.port}`);
  });
});

describe('configFromEnv', () => {
  test('defaults are those of Gateway Provisioners', () => {
    expect(configFromEnv({})).toEqual({
      anyAddress: false,
      port: 8877,
      portRetries: 10,
      prohibitedLocalIps: [],
      portRange: '0..0',
      acceptVersion0: false,
    });
  });

  test.each(['GP', 'EG'])('reads the variables of %s', (prefix) => {
    const env = {
      [`${prefix}_RESPONSE_IP`]: '10.0.0.1',
      [`${prefix}_RESPONSE_PORT`]: '9000',
      [`${prefix}_RESPONSE_PORT_RETRIES`]: '3',
      [`${prefix}_RESPONSE_ADDR_ANY`]: 'True',
      [`${prefix}_PROHIBITED_LOCAL_IPS`]: '172\\..*, 192',
      [`${prefix}_PORT_RANGE`]: '40000..42000',
    };
    expect(configFromEnv(env)).toMatchObject({
      address: '10.0.0.1',
      port: 9000,
      portRetries: 3,
      anyAddress: true,
      prohibitedLocalIps: ['172\\..*', '192'],
      portRange: '40000..42000',
    });
  });

  test('names every wrong one', () => {
    const env = {
      GP_RESPONSE_PORT: '70000',
      EG_RESPONSE_PORT_RETRIES: 'many',
      GP_RESPONSE_ADDR_ANY: 'perhaps',
      EG_PROHIBITED_LOCAL_IPS: '(',
      GP_RESPONSE_ADVERTISED_ADDRESS: 'a b',
      GP_PORT_RANGE: '9..',
    };
    for (const name of Object.keys(env)) expect(() => configFromEnv(env)).toThrow(name);
  });
});
