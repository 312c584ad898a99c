import type { NetworkInterfaceInfo } from 'node:os';
import { ConfigError, errorMessage } from '@gateway-provisioners/core';

export type NetworkInterfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;

/**
 * The address of this machine that others are told: the first IPv4 address of an interface that is not loopback and
 * matches none of the patterns (regular expressions, held against the beginning, `GP_PROHIBITED_LOCAL_IPS`); when all
 * match, the first; without IPv4, the first IPv6 address that is not link-local; else 127.0.0.1.
 * Errors: `INVALID_CONFIG` for a pattern that is no regular expression.
 */
export function pickLocalAddress(interfaces: NetworkInterfaces, prohibited: readonly string[] = []): string {
  const patterns = prohibited.filter((pattern) => pattern.trim() !== '').map(compile);
  const addresses = Object.values(interfaces)
    .flatMap((entries) => entries ?? [])
    .filter(({ internal }) => !internal);
  const ipv4 = addresses.filter(({ family }) => family === 'IPv4').map(({ address }) => address);
  const ipv6 = addresses
    .filter(({ family, address }) => family === 'IPv6' && !/^fe[89ab]/i.test(address))
    .map(({ address }) => address);
  const candidates = ipv4.length > 0 ? ipv4 : ipv6;
  return (
    candidates.find((address) => !patterns.some((pattern) => pattern.test(address))) ?? candidates[0] ?? '127.0.0.1'
  );
}

function compile(pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern.trim()})`);
  } catch (error) {
    throw new ConfigError('the response listener', [
      { key: 'prohibitedLocalIps', message: `not a regular expression: ${errorMessage(error)}`, value: pattern },
    ]);
  }
}
