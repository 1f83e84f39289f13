// Extended CONNECT (RFC 8441), used for WebSockets and similar protocols over HTTP/2. Translates it
// to the Upgrade of HTTP/1.1, which apps understand.
import { createHash, randomBytes } from 'node:crypto';
import type { ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { fieldValue } from '../../kernel/http/field-value.ts';
import type { RawHeaders, RequestHead } from '../../kernel/http/http.ts';
import { isOfferable } from '../../kernel/http/upgrade-protocols.ts';
import { ignore } from '../../kernel/ignore.ts';
import { resetStream } from './reset.ts';
import { http2Errors } from './http2-errors.ts';

/** What the gateway requested from the app on behalf of the client. */
export interface Tunnelling {
  /** The value of `Upgrade`, in lower case. */
  readonly protocol: string;
  /** For a WebSocket: the key that the app must confirm. HTTP/2 clients do not send one. */
  readonly key: string | undefined;
}

interface TunnelRequest {
  readonly req: RequestHead;
  readonly tunnelling: Tunnelling;
}

/** RFC 6455 §1.3. */
const webSocketGuid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const token = /^[\w!#$%&'*+.^`|~-]+$/;

/** A single protocol name; `:protocol` is not a list. */
export function isPassedOn(protocol: string): boolean {
  return token.test(protocol) && isOfferable(protocol);
}

/**
 * The equivalent HTTP/1.1 request (RFC 8441 §5), with the key that HTTP/2 omits. May modify
 * `headers`.
 */
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
 * Whether the app switched to the requested protocol, judged by the fields of its 101. In HTTP/1.1
 * the client checks this (RFC 6455 §4.1); here the gateway sent the request on its behalf, and an
 * app that responds 101 to everything did not understand it.
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

/**
 * Joins both streams byte for byte, with back-pressure, each direction ending on its own. Any other
 * close of one side resets the other (RFC 8441 §5).
 */
export function joinTunnel(stream: ServerHttp2Stream, peer: Duplex): void {
  const clientEnded = watchEnd(stream);
  const abort = (): void => {
    peer.destroy();
  };
  peer.on('error', ignore);
  peer.once('close', () => {
    if (!peer.readableEnded || !peer.writableFinished) resetStream(stream, http2Errors.connectError);
  });
  // Registered before pipe(), which would treat the abort as a normal end.
  stream.once('aborted', abort).once('end', () => {
    if (!clientEnded()) abort();
  });
  // `writableFinished` cannot be used: it is set after 'close' if both sides have ended.
  stream.once('close', () => {
    if (!clientEnded() || !peer.readableEnded) abort();
  });
  stream.pipe(peer);
  peer.pipe(stream);
}

/**
 * Whether the client ended its side with END_STREAM. Node also ends the readable side on a reset,
 * but only once the stream is closed; a stream that both sides ended is closed only after its
 * readable side has ended.
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
