// Checks and parses IP addresses and CIDR blocks (RFC 4632 §3.1, RFC 4291 §2.3). Unlike BlockList
// and ipaddr.js, it tells an address inside a block from the block.
import { isIP } from 'node:net';
import { ipv6Groups } from '../../kernel/net/ip.ts';
import type { TextCheck } from './fields.ts';

/**
 * An address, or a block given by its first address. An address inside a block is rejected as a
 * probable mistake.
 */
export const isCidr: TextCheck = (text) => {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || address.includes('%') || rest.length > 0) return false;
  if (bits === undefined) return true;
  const width = version === 4 ? 32 : 128;
  if (!/^\d{1,3}$/.test(bits) || Number(bits) > width) return false;
  const value = version === 4 ? ipv4Value(address) : ipv6Value(address);
  const hostBits = BigInt(width - Number(bits));
  const first = (value >> hostBits) << hostBits;
  if (first === value) return true;
  const block = `${version === 4 ? ipv4Text(first) : ipv6Text(first)}/${bits}`;
  return `has bits set after the first ${bits}: write ${block} for the block, or ${address} for the single address`;
};

function ipv4Value(address: string): bigint {
  return address.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function ipv4Text(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
}

function ipv6Value(address: string): bigint {
  return ipv6Groups(address).reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

function ipv6Text(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(16 * (7 - i))) & 0xffffn).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}
