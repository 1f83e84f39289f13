// Owns the decision whose request it is when proxies stand in front: of the addresses that they name, the right-most one that is
// not trusted. Knows how an address is written, and no header.
import { isIP, isIPv6, SocketAddress } from 'node:net';

export interface ProxyChain {
  readonly clientIp: string;
  /** The proxies that are believed, from the one that the client spoke to down to the one that speaks to us. */
  readonly proxies: readonly string[];
}

/**
 * `peerIp`: at the other end of our connection, and trusted. `named`: what the proxies named as their clients, as received: the
 * last one by the last proxy. What is no address ends the walk, since nobody can say who wrote what stands before it.
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
 * What the proxy that the client spoke to said of it, in a list to which each proxy appends or which only one of them wrote.
 * `list`: as received. `hops`: how many proxies are believed.
 */
export function saidOfClient<T>(list: readonly T[], hops: number): T | undefined {
  return list[Math.max(0, list.length - Math.max(1, hops))];
}

/** `192.0.2.1`, `2001:db8::1`, and both with a port as RFC 7239 §6 writes it. In its usual form; IPv4 where it is a mapped one. */
function addressIn(text: string): string | undefined {
  const node = text.trim();
  const address = node.startsWith('[') ? bracketed(node) : withoutPort(node);
  switch (isIP(address)) {
    case 4:
      return address;
    case 6:
      // A zone (`%eth0`) means something on one machine only.
      return address.includes('%') ? undefined : usualForm(address);
    default:
      return undefined;
  }
}

const port = /^(?::(?:\d{1,5}|_[\w.-]{1,64}))?$/;

function bracketed(node: string): string {
  const close = node.indexOf(']');
  const address = node.slice(1, close);
  return close !== -1 && isIPv6(address) && port.test(node.slice(close + 1)) ? address : '';
}

/** One colon begins a port; several are those of an IPv6 address. */
function withoutPort(node: string): string {
  const colon = node.indexOf(':');
  if (colon === -1 || node.includes(':', colon + 1)) return node;
  return port.test(node.slice(colon)) ? node.slice(0, colon) : '';
}

function usualForm(ipv6: string): string {
  const { address } = new SocketAddress({ address: ipv6, family: 'ipv6' });
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice('::ffff:'.length) : address;
}
