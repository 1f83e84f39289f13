// Frames content as chunks and ends it with its trailers (RFC 9112 §7.1), for requests and responses alike. Checks no field.
import type { RawHeaders } from '../kernel/http/http.ts';

/** A chunk up to here is copied together with its framing: one buffer costs less than three. */
const maxCopiedChunkBytes = 2048;
const crlf = Buffer.from('\r\n');
const lastChunk = Buffer.from('0\r\n\r\n');

/** `content` must not be empty: a chunk of no bytes ends the body. The buffers go out in this order. */
export function framedChunk(content: Uint8Array): readonly Uint8Array[] {
  const size = `${content.length.toString(16)}\r\n`;
  if (content.length > maxCopiedChunkBytes) return [Buffer.from(size, 'latin1'), content, crlf];
  const framed = Buffer.allocUnsafe(size.length + content.length + crlf.length);
  framed.write(size, 'latin1');
  framed.set(content, size.length);
  framed.set(crlf, size.length + content.length);
  return [framed];
}

/** The last chunk and the trailer section. `trailers`: raw pairs that a strict reader has checked. */
export function lastChunkWith(trailers: RawHeaders): Uint8Array {
  if (trailers.length === 0) return lastChunk;
  let text = '0\r\n';
  for (let i = 0; i < trailers.length; i += 2) text += `${trailers[i] ?? ''}: ${trailers[i + 1] ?? ''}\r\n`;
  return Buffer.from(`${text}\r\n`, 'latin1');
}
