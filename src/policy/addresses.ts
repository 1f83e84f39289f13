// Tests whether an address is in a list of addresses and CIDR blocks.
import { BlockList, isIPv6 } from 'node:net';
import { unmappedIp } from '../kernel/net/ip.ts';
import { atOnce, type Steps } from '../kernel/work/slices.ts';

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
    const ip = unmappedIp(text);
    if (ip === undefined) continue;
    const { address, family } = ip;
    const wasMapped = family === 'ipv4' && isIPv6(text);
    const bits = Number(ipv6Bits) - (wasMapped ? mappedBits : 0);
    if (ipv6Bits === undefined) lists[family].addAddress(address, family);
    // Wider than the block of mapped addresses, so it does not mean IPv4 addresses.
    else if (bits < 0) lists.ipv6.addSubnet(text, Number(ipv6Bits), 'ipv6');
    else lists[family].addSubnet(address, bits, family);
  }
  return (text) => {
    const ip = unmappedIp(text);
    return ip !== undefined && lists[ip.family].check(ip.address, ip.family);
  };
}

/** RFC 4291 §2.5.5.2: ::ffff:0:0/96. */
const mappedBits = 96;
