// Parses the value of a Host header into a comparable name and port, and classifies the name.
import { isIP, isIPv6 } from 'node:net';
import { isLoopback, unmapped } from './addresses.ts';

export interface HostName {
  /** Lower case, without the trailing dot; an IPv6 address in canonical form, without brackets. */
  readonly name: string;
  /** As sent; empty if there is none. */
  readonly port: string;
}

/**
 * A name of 253 characters (RFC 1035 §2.3.4), its dot and a port. Longer text is not a host name
 * and is rejected without further work.
 */
const maxCharacters = 260;

/** Undefined: not a host name. `authority`: HOST or HOST:PORT, with an IPv6 address in brackets. */
export function hostNameIn(authority: string): HostName | undefined {
  if (authority === '' || authority.length > maxCharacters) return undefined;
  if (authority.startsWith('[')) return bracketed(authority);
  const colon = authority.indexOf(':');
  const host = (colon === -1 ? authority : authority.slice(0, colon)).toLowerCase();
  const name = host.endsWith('.') ? host.slice(0, -1) : host;
  return name === '' ? undefined : { name, port: colon === -1 ? '' : authority.slice(colon + 1) };
}

/** DNS cannot redirect a literal address: browsers use it as it is. */
export function isLiteralAddress({ name }: HostName): boolean {
  return isIP(name) !== 0;
}

/** Names and addresses that mean this machine to every client (RFC 6761 §6.3). */
export function isLoopbackName({ name }: HostName): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || isLoopback(name);
}

function bracketed(authority: string): HostName | undefined {
  const close = authority.indexOf(']');
  const address = authority.slice(1, close);
  if (close === -1 || !isIPv6(address) || address.includes('%')) return undefined;
  const rest = authority.slice(close + 1);
  if (rest !== '' && !rest.startsWith(':')) return undefined;
  return { name: canonical(address), port: rest.slice(1) };
}

/** The RFC 5952 form, as the URL parser writes it; an IPv4-mapped address as IPv4. */
function canonical(ipv6: string): string {
  const { address, family } = unmapped(ipv6);
  return family === 'ipv4' ? address : new URL(`http://[${ipv6}]`).hostname.slice(1, -1);
}
