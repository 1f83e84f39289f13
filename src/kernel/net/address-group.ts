// Which addresses count as one caller.
import { isIP } from 'node:net';

/**
 * An IPv4 address, also in its mapped form (RFC 4291 §2.5.5.2), or the 64 bits of an IPv6 network, within which a host may call itself
 * what it likes (RFC 4291 §2.5.1).
 */
export function addressGroup(ip: string): string {
  if (isIP(ip) !== 6) return ip;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
  if (mapped !== undefined) return mapped;
  // The URL parser writes an address in its one canonical form (RFC 5952).
  const [head = '', tail] = new URL(`http://[${withoutZone(ip)}]`).hostname.slice(1, -1).split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : new Array<string>(8 - front.length - back.length).fill('0');
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`;
}

/** RFC 4007 §11: what stands behind `%` means something on one machine only. */
export function withoutZone(ip: string): string {
  const at = ip.indexOf('%');
  return at === -1 ? ip : ip.slice(0, at);
}
