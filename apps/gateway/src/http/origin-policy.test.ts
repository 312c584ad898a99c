import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hostName, isLoopbackAddress, isLoopbackHost, originPolicy } from './origin-policy.ts';

describe('an origin policy', () => {
  test('without settings lets in the same host and requests from no page, whatever else is said', () => {
    const policy = originPolicy({});
    expect(policy.allows(undefined, 'a')).toBe(true);
    fc.assert(
      fc.property(fc.webAuthority(), fc.webAuthority(), (origin, host) => {
        const same = origin.toLowerCase() === host.toLowerCase() && !origin.includes('@');
        if (origin.includes('@') || host.includes('@')) return;
        expect(policy.allows(`https://${origin}`, host)).toBe(same);
        expect(policy.headers(`https://${origin}`, 'GET')).toEqual({});
      }),
    );
  });

  test('never lets in text that only begins or ends like an allowed origin', () => {
    const policy = originPolicy({ allowOrigin: ['https://lab.example/'] });
    expect(policy.allows('https://LAB.example', 'gateway')).toBe(true);
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (text) => {
        expect(policy.allows(`https://lab.example${text}`, 'gateway')).toBe(false);
        expect(policy.allows(`${text}https://lab.example`, 'gateway')).toBe(false);
      }),
    );
  });
});

describe('hosts', () => {
  test.each([
    ['localhost', 'localhost'],
    ['LOCALHOST:8888', 'localhost'],
    ['[::1]:80', '::1'],
    ['[::1]', '::1'],
    ['a.b:1', 'a.b'],
    ['a b', undefined],
    ['a:b:c', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s is named %s', (header, name) => {
    expect(hostName(header)).toBe(name);
  });

  test('that are no loopback names are never taken for one', () => {
    fc.assert(
      fc.property(fc.domain(), (domain) => {
        expect(isLoopbackHost(domain)).toBe(domain === 'localhost' || domain.endsWith('.localhost'));
        expect(isLoopbackHost(`127.0.0.1.${domain}`)).toBe(domain.endsWith('.localhost'));
      }),
    );
  });

  test('addresses are loopback in 127/8 and at ::1', () => {
    for (const address of ['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', 'localhost']) {
      expect(isLoopbackAddress(address)).toBe(true);
    }
    for (const address of ['0.0.0.0', '::', '128.0.0.1', '10.0.0.1', '127.0.0.1.evil', '1270.0.0.1', '']) {
      expect(isLoopbackAddress(address)).toBe(false);
    }
  });
});
