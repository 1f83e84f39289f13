// Determines the client behind proxies: the right-most address in the chain that is not trusted.
// Parses addresses, not headers.
import { isIPv6 } from 'node:net';
import { hasZone, parseIp } from '../../kernel/net/ip.ts';

export interface ProxyChain {
  readonly clientIp: string;
  /** The trusted proxies, from the one that the client connected to down to our peer. */
  readonly proxies: readonly string[];
}

/**
 * `peerIp`: the peer of our connection, which must be trusted. `named`: the client addresses added
 * by the proxies, as received, the last proxy's last. An entry that is not an address ends the
 * walk: entries before it cannot be attributed.
 */
export function proxyChain(
  peerIp: string,
  named: readonly string[],
  isTrusted: (address: string) => boolean,
): ProxyChain {
  const proxies: string[] = [];
  let clientIp = peerIp;
  for (let i = named.length - 1; i >= 0 && isTrusted(clientIp); i -= 1) {
    const address = addressIn(named[i] ?? '');
    if (address === undefined) break;
    proxies.push(clientIp);
    clientIp = address;
  }
  return { clientIp, proxies: proxies.reverse() };
}

/**
 * The entry of the proxy that the client connected to, in a list that each proxy appends to or that
 * only one of them wrote. `list`: as received. `hops`: the number of trusted proxies.
 */
export function reportedByProxy<T>(list: readonly T[], hops: number): T | undefined {
  return list[Math.max(0, list.length - Math.max(1, hops))];
}

/**
 * Parses `192.0.2.1` and `2001:db8::1`, also with a port as in RFC 7239 §6. Returns the canonical
 * form, and IPv4 for an IPv4-mapped address.
 */
function addressIn(text: string): string | undefined {
  const node = text.trim();
  const address = node.startsWith('[') ? bracketed(node) : withoutPort(node);
  return hasZone(address) ? undefined : parseIp(address)?.address;
}

const port = /^(?::(?:\d{1,5}|_[\w.-]{1,64}))?$/;

function bracketed(node: string): string {
  const close = node.indexOf(']');
  const address = node.slice(1, close);
  return close !== -1 && isIPv6(address) && port.test(node.slice(close + 1)) ? address : '';
}

/** A single colon separates a port; several belong to an IPv6 address. */
function withoutPort(node: string): string {
  const colon = node.indexOf(':');
  if (colon === -1 || node.includes(':', colon + 1)) return node;
  return port.test(node.slice(colon)) ? node.slice(0, colon) : '';
}
