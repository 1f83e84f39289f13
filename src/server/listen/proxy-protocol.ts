// Parses a PROXY protocol header, version 2 (haproxy.org, proxy-protocol.txt §2.2), by which a
// proxy names the client of a connection. A pure function. Every deviation is malformed, and so is
// version 1 (the text format). Not proxy-protocol-js: it takes an incomplete header for a complete
// one.
import { canonicalIp } from '../../kernel/net/ip.ts';

export type ProxyHeader =
  /** More bytes are needed. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed' }
  /** `bytes`: where the client's data begins. */
  | { readonly kind: 'complete'; readonly bytes: number; readonly source: ProxySource };

export type ProxySource =
  /** LOCAL: the proxy itself is the client, as in its health checks. */
  | { readonly kind: 'proxy' }
  | { readonly kind: 'client'; readonly ip: string; readonly port: number }
  /** A client without an IP address: connected over a UNIX socket, or not named by the proxy. */
  | { readonly kind: 'unknown' };

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const fixedBytes = 16;
/**
 * Addresses and TLVs. Senders use some hundred bytes; the field allows 64 KiB, which is accepted
 * only with LOCAL.
 */
const maxRestBytes = 4 * 1024;

const version2 = 0x2;
const command = { local: 0x0, proxy: 0x1 } as const;
const unspecified = 0x00;
/**
 * Family and transport -> length of the addresses in bytes. Datagrams cannot arrive over a
 * connection.
 */
const addressBytes: ReadonlyMap<number, number> = new Map([
  [unspecified, 0],
  [0x11, 12], // TCP over IPv4
  [0x21, 36], // TCP over IPv6
  [0x31, 216], // a UNIX stream socket
]);

const incomplete: ProxyHeader = { kind: 'incomplete' };
const malformed: ProxyHeader = { kind: 'malformed' };

export function readProxyHeader(received: Buffer): ProxyHeader {
  const begun = Math.min(received.length, signature.length);
  if (received.compare(signature, 0, begun, 0, begun) !== 0) return malformed;
  if (received.length < fixedBytes) return incomplete;

  const versionAndCommand = received.readUInt8(12);
  if (versionAndCommand >> 4 !== version2) return malformed;
  const asked = versionAndCommand & 0x0f;
  if (asked !== command.local && asked !== command.proxy) return malformed;
  const restBytes = received.readUInt16BE(14);
  const bytes = fixedBytes + restBytes;
  // §2.2: with LOCAL the receiver discards everything, including the family.
  if (asked === command.local) return received.length < bytes ? incomplete : { kind: 'complete', bytes, source: proxy };
  const family = received.readUInt8(13);
  const needed = addressBytes.get(family);
  if (needed === undefined || restBytes < needed || restBytes > maxRestBytes) return malformed;
  if (received.length < bytes) return incomplete;

  const rest = received.subarray(fixedBytes, bytes);
  // Without addresses the start of the TLVs is undefined, so the whole rest is skipped, as the
  // specification requires.
  if (family !== unspecified && !areTlvs(rest.subarray(needed))) return malformed;
  return { kind: 'complete', bytes, source: sourceOf(family, rest) };
}

const proxy: ProxySource = { kind: 'proxy' };
const unknown: ProxySource = { kind: 'unknown' };

function sourceOf(family: number, rest: Buffer): ProxySource {
  switch (family) {
    case 0x11:
      return { kind: 'client', ip: rest.subarray(0, 4).join('.'), port: rest.readUInt16BE(8) };
    case 0x21:
      return { kind: 'client', ip: ipv6(rest.subarray(0, 16)), port: rest.readUInt16BE(32) };
    default:
      return unknown;
  }
}

function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return canonicalIp(groups.join(':'));
}

/**
 * §2.2.7: type (1 byte), length (2 bytes) and value, repeated to the end. The TLVs themselves are
 * ignored.
 */
function areTlvs(bytes: Buffer): boolean {
  let at = 0;
  while (at + 3 <= bytes.length) at += 3 + bytes.readUInt16BE(at + 1);
  return at === bytes.length;
}
