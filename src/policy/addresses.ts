// Owns the question whether an address is among those of a list. Knows nothing of what the list is for.
import { BlockList, isIP } from 'node:net';

/** `addresses`: addresses and CIDR blocks, already checked. What is no address is in no list. */
export function addressSet(addresses: readonly string[]): (ip: string) => boolean {
  if (addresses.length === 0) return () => false;
  const list = new BlockList();
  for (const entry of addresses) {
    const [address = '', bits] = entry.split('/');
    const family = familyOf(address);
    if (family === undefined) continue;
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (ip) => {
    const family = familyOf(ip);
    return family !== undefined && list.check(ip, family);
  };
}

/**
 * What counts as one caller: an IPv4 address, or the 64 bits of an IPv6 network, within which a host may call itself what it likes
 * (RFC 4291 §2.5.1).
 */
export function addressGroup(ip: string): string {
  if (isIP(ip) !== 6) return ip;
  // The URL parser writes an address in its one canonical form (RFC 5952).
  const [head = '', tail] = new URL(`http://[${ip.replace(/%.*$/, '')}]`).hostname.slice(1, -1).split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : new Array<string>(8 - front.length - back.length).fill('0');
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`;
}

/** 127.0.0.0/8 and ::1: this machine itself. */
export function isLoopback(ip: string): boolean {
  return ip === '::1' || (ip.startsWith('127.') && isIP(ip) === 4);
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  switch (isIP(address)) {
    case 4:
      return 'ipv4';
    case 6:
      return 'ipv6';
    default:
      return undefined;
  }
}
