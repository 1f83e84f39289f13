// The peer of a client's connection, as far as the connection itself shows. Forwarded headers are
// evaluated elsewhere.
import { isLoopback } from '../../kernel/net/ip.ts';

export interface Peer {
  /**
   * IPv4 instead of an IPv4-mapped IPv6 address, without a zone. With the PROXY protocol, the
   * client's address or `unknownAddress`; otherwise the address of the other end, which may be a
   * proxy.
   */
  readonly ip: string;
  readonly port: number;
  /**
   * The connection itself comes from this machine. Never true for an address from a PROXY protocol
   * header.
   */
  readonly loopback: boolean;
  /** TLS is terminated in this process. */
  readonly encrypted: boolean;
}

/**
 * RFC 7239 §6.2: a client that reached a proxy without an IP address, for example over a UNIX
 * socket. No address list contains it, and limits count all such clients as one address.
 */
export const unknownAddress = 'unknown';

/**
 * For a connection without a PROXY protocol header, or one on which the proxy itself is the client.
 */
export function directPeer(ip: string, port: number): Peer {
  return { ip, port, loopback: isLoopback(ip), encrypted: false };
}

export function proxiedPeer(ip: string, port: number): Peer {
  return { ip, port, loopback: false, encrypted: false };
}
