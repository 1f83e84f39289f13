// Owns the abnormal end of an HTTP/2 stream.
import type { ServerHttp2Stream } from 'node:http2';

/**
 * Resets the stream. What was written and fits the client's window goes out before. Node's close() alone ends the writable side first,
 * which sends END_STREAM when nothing waits to be written: a body that was cut would look whole to the client.
 */
export function resetStream(stream: ServerHttp2Stream, code: number): void {
  if (stream.destroyed || stream.closed) return;
  stream._final = (callback) => {
    callback();
  };
  stream.close(code);
}
