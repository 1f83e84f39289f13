// Detects by its first bytes that a connection speaks another protocol than its port, so that the
// client and the log get a precise error.
import type { Socket } from 'node:net';
import { connectionRefused, type ConnectionRefused } from '../../kernel/events.ts';
import { endSoon } from '../../kernel/net/linger.ts';
import type { Peer } from './peer.ts';

type SpokenProtocol = 'tls' | 'http' | 'http2';

/**
 * RFC 9113 §3.4: the first line of an HTTP/2 client's preface, which no HTTP/1 server accepts as a
 * request.
 */
const http2Preface = 'PRI * HTTP/2.0\r\n';
/** RFC 8446 §5.1: content type of a TLS client's first record. */
const tlsHandshake = 0x16;

/**
 * `bytes`: the first ones of a connection. http: the beginning of a method. Undefined: another
 * protocol.
 */
export function spokenProtocol(bytes: Uint8Array): SpokenProtocol | undefined {
  const [first = 0] = bytes;
  if (first === tlsHandshake) return 'tls';
  const start = Buffer.from(bytes.subarray(0, http2Preface.length)).toString('latin1');
  if (start === http2Preface) return 'http2';
  return /^[A-Z]/.test(start) ? 'http' : undefined;
}

/**
 * `bytes`: the first ones of a connection. True: more are needed to distinguish http from http2.
 */
export function isUndecided(bytes: Uint8Array): boolean {
  return bytes.length < http2Preface.length && http2Preface.startsWith(Buffer.from(bytes).toString('latin1'));
}

/** Node's parser recognises the whole preface, in however many packets it arrives. */
export function isHttp2Preface(parseError: Error): boolean {
  return (parseError as NodeJS.ErrnoException).code === 'HPE_PAUSED_H2_UPGRADE';
}

/**
 * An empty SETTINGS frame, which must come first (RFC 9113 §3.4). It is followed by GOAWAY (§6.8):
 * no stream processed, HTTP_1_1_REQUIRED (§7), and the reason as debug data.
 */
const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const http11Required = 0x0d;

/** Rejects a client with prior knowledge of HTTP/2, ends the connection and reports it. */
export function refuseHttp2(socket: Socket, { ip, encrypted }: Peer): void {
  report({ ip, reason: 'http2_prior_knowledge' });
  const debug = encrypted
    ? 'this server speaks HTTP/2 to clients that offer h2 by ALPN'
    : 'this server speaks HTTP/2 over TLS only';
  const goaway = Buffer.alloc(9 + 8 + debug.length);
  goaway.writeUIntBE(8 + debug.length, 0, 3);
  goaway[3] = 7;
  goaway.writeUInt32BE(http11Required, 13);
  goaway.write(debug, 17, 'latin1');
  socket.write(Buffer.concat([settings, goaway]));
  endSoon(socket);
}

/** Reports TLS on a plain HTTP port. */
export function reportTls({ ip }: Peer): void {
  report({ ip, reason: 'tls_on_plain_port' });
}

function report(refused: ConnectionRefused): void {
  if (connectionRefused.hasSubscribers) connectionRefused.publish(refused);
}
