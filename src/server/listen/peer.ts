// Owns who is at the other end of a client's connection, as far as the connection itself tells. What headers say is not known here.
import { withoutZone } from '../../kernel/net/address-group.ts';
import { isLoopback } from '../../policy/addresses.ts';

export interface Peer {
  /**
   * IPv4 where it is a mapped one, without a zone. By the PROXY protocol the client's, or `unknownAddress`; else that of the other end: a
   * proxy's, if there is one.
   */
  readonly ip: string;
  readonly port: number;
  /** The connection itself comes from this machine. Never true of an address that a PROXY protocol header names. */
  readonly loopback: boolean;
  /** TLS ends in this process. */
  readonly encrypted: boolean;
}

/**
 * RFC 7239 §6.2: a client that reached a proxy without an IP address, such as over a UNIX socket. It is in no
 * list of addresses, and limits count it as one address.
 */
export const unknownAddress = 'unknown';

/** Of a connection that carries no PROXY protocol header, or one by which the proxy speaks for itself. */
export function directPeer(ip: string, port: number): Peer {
  return { ip, port, loopback: isLoopback(ip), encrypted: false };
}

export function proxiedPeer(ip: string, port: number): Peer {
  return { ip, port, loopback: false, encrypted: false };
}

/** As the system writes it: a dual-stack listener shows IPv4 clients as ::ffff:192.0.2.1, and link-local ones with the interface. */
export function plainAddress(address: string): string {
  if (address.startsWith('::ffff:') && address.includes('.')) return address.slice('::ffff:'.length);
  return withoutZone(address);
}
