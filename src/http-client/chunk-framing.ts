// Frames content as chunks and ends it with trailers (RFC 9112 §7.1), for requests and responses.
// Does not validate fields.
import type { RawHeaders } from '../kernel/http/http.ts';

/**
 * Chunks up to this size are copied together with their framing: one buffer costs less than three.
 */
const maxCopiedChunkBytes = 2048;
const crlf = Buffer.from('\r\n');
const lastChunk = Buffer.from('0\r\n\r\n');

/**
 * `content` must not be empty, because a chunk of zero bytes ends the body. The buffers must be
 * sent in order.
 */
export function framedChunk(content: Uint8Array): readonly Uint8Array[] {
  const size = `${content.length.toString(16)}\r\n`;
  if (content.length > maxCopiedChunkBytes) return [Buffer.from(size, 'latin1'), content, crlf];
  const framed = Buffer.allocUnsafe(size.length + content.length + crlf.length);
  framed.write(size, 'latin1');
  framed.set(content, size.length);
  framed.set(crlf, size.length + content.length);
  return [framed];
}

/** The last chunk and the trailer section. `trailers`: raw pairs, validated by a strict reader. */
export function lastChunkWith(trailers: RawHeaders): Uint8Array {
  if (trailers.length === 0) return lastChunk;
  let text = '0\r\n';
  for (let i = 0; i < trailers.length; i += 2) text += `${trailers[i] ?? ''}: ${trailers[i + 1] ?? ''}\r\n`;
  return Buffer.from(`${text}\r\n`, 'latin1');
}
