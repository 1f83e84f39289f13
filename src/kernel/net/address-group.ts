// Groups addresses that count as one caller.
import { isIP } from 'node:net';

/**
 * An IPv4 address, also from its mapped form (RFC 4291 §2.5.5.2), or the first 64 bits of an IPv6
 * address, because a host can choose the rest freely (RFC 4291 §2.5.1).
 */
export function addressGroup(ip: string): string {
  if (isIP(ip) !== 6) return ip;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip)?.[1];
  if (mapped !== undefined) return mapped;
  // The URL parser writes an address in its canonical form (RFC 5952).
  const [head = '', tail] = new URL(`http://[${withoutZone(ip)}]`).hostname.slice(1, -1).split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? [] : new Array<string>(8 - front.length - back.length).fill('0');
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`;
}

/** RFC 4007 §11: the zone after `%` is meaningful on one machine only. */
export function withoutZone(ip: string): string {
  const at = ip.indexOf('%');
  return at === -1 ? ip : ip.slice(0, at);
}
