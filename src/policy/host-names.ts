// Parses the value of a Host header into a comparable name and port, and classifies the name.
import { parseAuthority } from '../kernel/net/authority.ts';
import { canonicalIp, isLoopback, parseIp } from '../kernel/net/ip.ts';

export interface HostName {
  /** Lower case, without the trailing dot; an IPv6 address in canonical form (kernel/net/ip.ts). */
  readonly name: string;
  /** As sent; empty if there is none. */
  readonly port: string;
}

/** Undefined: not a host name. `authority`: HOST or HOST:PORT, with an IPv6 address in brackets. */
export function hostNameIn(authority: string): HostName | undefined {
  const parsed = parseAuthority(authority);
  if (parsed === undefined) return undefined;
  const { host, port = '' } = parsed;
  if (host.startsWith('[')) return { name: canonicalIp(host.slice(1, -1)), port };
  const name = (host.endsWith('.') ? host.slice(0, -1) : host).toLowerCase();
  return name === '' ? undefined : { name, port };
}

/** DNS cannot redirect a literal address: browsers use it as it is. */
export function isLiteralAddress({ name }: HostName): boolean {
  return parseIp(name) !== undefined;
}

/** Names and addresses that mean this machine to every client (RFC 6761 §6.3). */
export function isLoopbackName({ name }: HostName): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || isLoopback(name);
}
