import { BlockList, isIP } from 'node:net';
import { ProvisionerError } from '@gateway-provisioners/core';

/** Whether an address is one of those from which an answer may come. */
export type IsExpectedPeer = (address: string) => boolean;

/**
 * Reads addresses (`10.0.0.7`, `::1`) and networks (`10.0.0.0/8`). IPv4 addresses that arrive mapped into IPv6 are seen
 * as IPv4. Errors: `INVALID_ARGUMENT` for anything else, host names too: they have to be resolved first.
 */
export function peerList(peers: readonly string[]): IsExpectedPeer {
  const list = new BlockList();
  for (const peer of peers) addPeer(list, peer);
  return (address) => {
    const [plain = ''] = plainAddress(address).split('%');
    return list.check(plain, family(plain));
  };
}

/** An IPv4 address without the prefix under which an IPv6 socket sees it; any other as it is. */
export function plainAddress(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

function addPeer(list: BlockList, peer: string): void {
  const [address = '', prefix, ...more] = peer.split('/');
  const bits = prefix === undefined ? undefined : Number(prefix);
  const isBits = bits === undefined || (/^\d{1,3}$/.test(prefix ?? '') && bits <= (isIP(address) === 4 ? 32 : 128));
  if (isIP(address) === 0 || more.length > 0 || !isBits) {
    throw new ProvisionerError(
      'INVALID_ARGUMENT',
      `peers takes IP addresses and networks such as 10.0.0.0/8, not '${peer}'`,
    );
  }
  if (bits === undefined) list.addAddress(address, family(address));
  else list.addSubnet(address, bits, family(address));
}

function family(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}
