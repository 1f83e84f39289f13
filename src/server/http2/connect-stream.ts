// Owns extended CONNECT (RFC 8441), the way of WebSockets and their like over HTTP/2, in terms of HTTP/1.1's Upgrade, which is what
// apps understand. Knows neither the fields of other requests nor who asks.
import { createHash, randomBytes } from 'node:crypto';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { fieldValue } from '../../kernel/http/field-value.ts';
import type { RawHeaders, RequestHead } from '../../kernel/http/http.ts';
import { isOfferable } from '../../kernel/http/upgrade-protocols.ts';
import { resetStream } from './reset.ts';

/** What was asked of the app in the client's place. */
export interface Tunnelling {
  /** As in `Upgrade`, in lower case. */
  readonly protocol: string;
  /** With a WebSocket: what the app must answer to. HTTP/2 clients don't send one. */
  readonly key: string | undefined;
}

interface TunnelRequest {
  readonly req: RequestHead;
  readonly tunnelling: Tunnelling;
}

/** RFC 6455 §1.3. */
const webSocketGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const token = /^[\w!#$%&'*+.^`|~-]+$/;

/** One protocol name; in `:protocol` there is no list. */
export function isPassedOn(protocol: string): boolean {
  return token.test(protocol) && isOfferable(protocol);
}

/** The request that it would be in HTTP/1.1 (RFC 8441 §5), with the key that HTTP/2 leaves out. `headers` may be changed. */
export function tunnelRequest(target: string, name: string, headers: string[]): TunnelRequest {
  const protocol = name.toLowerCase();
  headers.push('Connection', 'Upgrade', 'Upgrade', protocol);
  const key = protocol === 'websocket' ? randomBytes(16).toString('base64') : undefined;
  if (key !== undefined) {
    for (let i = headers.length - 2; i >= 0; i -= 2) if (headers[i] === 'sec-websocket-key') headers.splice(i, 2);
    headers.push('Sec-WebSocket-Key', key);
  }
  return { req: { method: 'GET', target, headers, upgrade: true }, tunnelling: { protocol, key } };
}

/**
 * Whether the app switched to what was asked of it, by the fields of its 101. In HTTP/1.1 the client looks (RFC 6455 §4.1); here the
 * gateway asked in its place, and an app that answers 101 to everything has understood nothing.
 */
export function isTaken({ protocol, key }: Tunnelling, headers: RawHeaders): boolean {
  const accept =
    key === undefined
      ? undefined
      : createHash('sha1')
          .update(key + webSocketGuid)
          .digest('base64');
  return (
    fieldValue(headers, 'upgrade')?.toLowerCase() === protocol && fieldValue(headers, 'sec-websocket-accept') === accept
  );
}

/** Byte for byte, with back-pressure, each direction ending by itself; any other end of one side is a reset for the other (RFC 8441 §5). */
export function joinTunnel(stream: ServerHttp2Stream, peer: Duplex): void {
  const clientEnded = watchEnd(stream);
  const abort = (): void => {
    peer.destroy();
  };
  peer.on('error', ignore);
  peer.once('close', () => {
    if (!peer.readableEnded || !peer.writableFinished) resetStream(stream, constants.NGHTTP2_CONNECT_ERROR);
  });
  // Before pipe(), which would make an end of it.
  stream.once('aborted', abort).once('end', () => {
    if (!clientEnded()) abort();
  });
  // Not by `writableFinished`, which follows 'close' when both sides have ended.
  stream.once('close', () => {
    if (!clientEnded() || !peer.readableEnded) abort();
  });
  stream.pipe(peer);
  peer.pipe(stream);
}

/**
 * Whether the client ended its side by END_STREAM. Node ends a readable side for a reset as well, but only once the stream is closed,
 * and closes a stream that both sides ended only after it has ended the readable side.
 */
function watchEnd(stream: ServerHttp2Stream): () => boolean {
  let ended = !stream.closed && stream.state.remoteClose === 1;
  const push = stream.push.bind(stream);
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk === null && !stream.closed) ended = true;
    return push(chunk, encoding);
  };
  return () => ended;
}

function ignore(): void {
  // 'close' follows
}
