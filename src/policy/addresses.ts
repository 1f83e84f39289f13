// Tests whether an address is in a list of addresses and CIDR blocks.
import { BlockList, isIP, SocketAddress } from 'node:net';
import { withoutZone } from '../kernel/net/address-group.ts';
import { atOnce, type Steps } from '../kernel/work/slices.ts';

export { addressGroup } from '../kernel/net/address-group.ts';

/** `addresses`: validated addresses and CIDR blocks. Text that is not an address is in no list. */
export function addressSet(addresses: readonly string[]): (ip: string) => boolean {
  return atOnce(addressSetSteps(addresses));
}

/** addressSet() in steps, one per address. */
export function* addressSetSteps(addresses: readonly string[]): Steps<(ip: string) => boolean> {
  if (addresses.length === 0) return () => false;
  // One list per family: in a shared one, `::/0` would match all IPv4 addresses too, through their
  // mapped form.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const entry of addresses) {
    yield;
    const [text = '', ipv6Bits] = entry.split('/');
    const { address, family } = unmapped(text);
    if (family === undefined) continue;
    const wasMapped = family === 'ipv4' && isIP(text) === 6;
    const bits = Number(ipv6Bits) - (wasMapped ? mappedBits : 0);
    if (ipv6Bits === undefined) lists[family].addAddress(address, family);
    // Wider than the block of mapped addresses, so it does not mean IPv4 addresses.
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

/** The address with its family; an IPv4-mapped address as IPv4. */
export function unmapped(ip: string): { readonly address: string; readonly family: 'ipv4' | 'ipv6' | undefined } {
  const family = familyOf(ip);
  if (family !== 'ipv6' || ip.startsWith('2')) return { address: ip, family };
  const { address } = new SocketAddress({ address: withoutZone(ip), family });
  if (!address.startsWith('::ffff:') || !address.includes('.')) return { address: ip, family };
  return { address: address.slice('::ffff:'.length), family: 'ipv4' };
}

/** 127.0.0.0/8 and ::1. */
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
