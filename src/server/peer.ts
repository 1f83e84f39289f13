// Owns who is at the other end of a client's connection, as far as the connection itself tells. What headers say is not known here.

export interface Peer {
  /** IPv4 where it is a mapped one. By the PROXY protocol the client's, else that of the other end: a proxy's, if there is one. */
  readonly ip: string;
  readonly port: number;
  /** TLS ends in this process. */
  readonly encrypted: boolean;
}

/** A dual-stack listener shows IPv4 clients as ::ffff:192.0.2.1. */
export function ipv4Of(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
