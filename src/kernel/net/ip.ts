// IP addresses as text: family, one canonical form for the many spellings of an address, and the
// forms that URLs and TLS use. Looks nothing up.
import { isIP, isIPv6, SocketAddress } from 'node:net';

export interface IpAddress {
  readonly family: 'ipv4' | 'ipv6';
  /** IPv4 for an IPv4-mapped address; IPv6 in lower case, shortened (RFC 5952), without a zone. */
  readonly address: string;
}

/** Undefined: not an address. Brackets and ports are not part of an address. */
export function parseIp(text: string): IpAddress | undefined {
  switch (isIP(text)) {
    case 4:
      return { family: 'ipv4', address: text };
    case 6:
      return canonicalIpv6(text);
    default:
      return undefined;
  }
}

/**
 * As parseIp(), but IPv6 addresses other than mapped ones keep their spelling. Faster, for callers
 * that accept any spelling.
 */
export function unmappedIp(text: string): IpAddress | undefined {
  // A mapped address begins with a zero group, written or left out.
  const mayBeMapped = text.startsWith(':') || text.startsWith('0');
  return !mayBeMapped && isIP(text) === 6 ? { family: 'ipv6', address: text } : parseIp(text);
}

const mappedPrefix = '::ffff:';

function canonicalIpv6(ipv6: string): IpAddress {
  // Drops the zone and prints mapped addresses with dots (RFC 4291 §2.5.5.2).
  const { address } = new SocketAddress({ address: ipv6, family: 'ipv6' });
  const isMapped = address.startsWith(mappedPrefix) && address.includes('.');
  return isMapped ? { family: 'ipv4', address: address.slice(mappedPrefix.length) } : { family: 'ipv6', address };
}

/**
 * parseIp() for addresses of the operating system: a dual-stack listener reports IPv4 clients as
 * ::ffff:192.0.2.1, and link-local ones with their interface. Other text is returned unchanged.
 */
export function canonicalIp(text: string): string {
  return parseIp(text)?.address ?? text;
}

/** RFC 4007 §11: a zone (`%eth0`) is only meaningful on one machine. */
export function hasZone(text: string): boolean {
  return text.includes('%');
}

/** The eight 16-bit groups of an IPv6 address, in any spelling. */
export function ipv6Groups(ipv6: string): number[] {
  const [head = '', tail = ''] = (ipv6.split('%', 1)[0] ?? '').split('::');
  const [front, back] = [groupsIn(head), groupsIn(tail)];
  return [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
}

function groupsIn(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number);
    return [(a << 8) | b, (c << 8) | d];
  });
}

/** 127.0.0.0/8 and ::1. `ip`: in canonical form. */
export function isLoopback(ip: string): boolean {
  return ip === '::1' || (ip.startsWith('127.') && isIP(ip) === 4);
}

/** A host name or address as the host of a URL: IPv6 addresses get brackets (RFC 3986 §3.2.2). */
export function urlHost(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

/** The reverse of urlHost(): the form that the operating system takes. */
export function withoutBrackets(host: string): string {
  const inner = host.slice(1, -1);
  return host === `[${inner}]` && isIPv6(inner) ? inner : host;
}

/** The name to send in SNI: none for an address (RFC 6066 §3). */
export function serverNameOf(host: string): string {
  return isIP(host) === 0 ? host : '';
}
