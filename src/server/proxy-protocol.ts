// Owns the reading of a PROXY protocol header, version 2 (haproxy.org, proxy-protocol.txt §2.2): from whom a proxy in front says that
// it has a connection. Pure: bytes in, verdict out. Every deviation is malformed; the old text version is too.
import { SocketAddress } from 'node:net';
import { ipv4Of } from './peer.ts';

export type ProxyHeader =
  /** More bytes are needed. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'malformed' }
  /** `bytes`: where what the client sent begins. */
  | { readonly kind: 'complete'; readonly bytes: number; readonly source: ProxySource | undefined };

/** Undefined in a header: the proxy speaks for itself (LOCAL, as its health checks do), or for a client without an IP address. */
export interface ProxySource {
  readonly ip: string;
  readonly port: number;
}

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const fixedBytes = 16;
/** Addresses and TLVs. Senders use some hundred bytes; the field could say 64 KiB. */
const maxRestBytes = 4 * 1024;

const version2 = 0x2;
const command = { local: 0x0, proxy: 0x1 } as const;
const unspecified = 0x00;
/** Family and transport -> bytes of the addresses. Datagrams can't arrive over a connection. */
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
  const family = received.readUInt8(13);
  const needed = addressBytes.get(family);
  const restBytes = received.readUInt16BE(14);
  if (needed === undefined || restBytes < needed || restBytes > maxRestBytes) return malformed;
  const bytes = fixedBytes + restBytes;
  if (received.length < bytes) return incomplete;

  const rest = received.subarray(fixedBytes, bytes);
  // Without addresses nothing says where TLVs would begin: the whole rest is skipped, as the specification asks.
  if (family !== unspecified && !areTlvs(rest.subarray(needed))) return malformed;
  return { kind: 'complete', bytes, source: asked === command.proxy ? sourceOf(family, rest) : undefined };
}

function sourceOf(family: number, rest: Buffer): ProxySource | undefined {
  switch (family) {
    case 0x11:
      return { ip: rest.subarray(0, 4).join('.'), port: rest.readUInt16BE(8) };
    case 0x21:
      return { ip: ipv4Of(ipv6(rest.subarray(0, 16))), port: rest.readUInt16BE(32) };
    default:
      return undefined;
  }
}

function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address;
}

/** §2.2.7: type (1 byte), length (2), value; one after the other to the end. None means anything here. */
function areTlvs(bytes: Buffer): boolean {
  let at = 0;
  while (at + 3 <= bytes.length) at += 3 + bytes.readUInt16BE(at + 1);
  return at === bytes.length;
}
