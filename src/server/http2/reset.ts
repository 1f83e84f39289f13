// Resets an HTTP/2 stream so that a truncated body does not look complete.
import type { ServerHttp2Stream } from 'node:http2';

/**
 * Resets the stream. Data that was written and fits the client's window is sent first. Node's
 * close() alone would end the writable side before that, which sends END_STREAM if nothing waits to
 * be written: a truncated body would look complete to the client.
 */
export function resetStream(stream: ServerHttp2Stream, code: number): void {
  if (stream.destroyed || stream.closed) return;
  stream._final = (callback) => {
    callback();
  };
  stream.close(code);
}
