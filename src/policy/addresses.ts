// Owns the question whether an address is among those of a list. Knows nothing of what the list is for.
import { BlockList, isIP, SocketAddress } from 'node:net';

/** `addresses`: addresses and CIDR blocks, already checked. What is no address is in no list. */
export function addressSet(addresses: readonly string[]): (ip: string) => boolean {
  if (addresses.length === 0) return () => false;
  // One list for each family: in a common one `::/0` would be all IPv4 addresses, too, by their mapped form.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const entry of addresses) {
    const [text = '', ipv6Bits] = entry.split('/');
    const { address, family } = unmapped(text);
    if (family === undefined) continue;
    const wasMapped = family === 'ipv4' && isIP(text) === 6;
    const bits = Number(ipv6Bits) - (wasMapped ? mappedBits : 0);
    if (ipv6Bits === undefined) lists[family].addAddress(address, family);
    // Wider than the block of mapped addresses: no IPv4 address is meant.
    else if (bits < 0) lists.ipv6.addSubnet(text, Number(ipv6Bits), 'ipv6');
    else lists[family].addSubnet(address, bits, family);
  }
  return (ip) => {
    const { address, family } = unmapped(ip);
    return family !== undefined && lists[family].check(address, family);
  };
}

/** RFC 4291 §2.5.5.2: ::ffff:0:0/96. */
const mappedBits = 96;

/** In its family; IPv4 where it is a mapped one. */
export function unmapped(ip: string): { readonly address: string; readonly family: 'ipv4' | 'ipv6' | undefined } {
  const family = familyOf(ip);
  if (family !== 'ipv6' || ip.startsWith('2')) return { address: ip, family };
  const { address } = new SocketAddress({ address: withoutZone(ip), family });
  if (!address.startsWith('::ffff:') || !address.includes('.')) return { address: ip, family };
  return { address: address.slice('::ffff:'.length), family: 'ipv4' };
}

/**
 * What counts as one caller: an IPv4 address, or the 64 bits of an IPv6 network, within which a host may call itself what it likes
 * (RFC 4291 §2.5.1).
 */
export function addressGroup(ip: string): string {
  if (isIP(ip) !== 6) return ip;
  // The URL parser writes an address in its one canonical form (RFC 5952).
  const [head = '', tail] = new URL(`http://[${withoutZone(ip)}]`).hostname.slice(1, -1).split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : new Array<string>(8 - front.length - back.length).fill('0');
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`;
}

/** 127.0.0.0/8 and ::1: this machine itself. */
export function isLoopback(ip: string): boolean {
  return ip === '::1' || (ip.startsWith('127.') && isIP(ip) === 4);
}

/** RFC 4007 §11: the zone behind `%` has a meaning on one machine only. */
export function withoutZone(ip: string): string {
  const at = ip.indexOf('%');
  return at === -1 ? ip : ip.slice(0, at);
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
