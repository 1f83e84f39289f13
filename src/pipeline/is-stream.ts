// Decides which responses are streams: those whose end is unknown when they start. They count
// against max_streams instead of max_in_flight, and only the idle timeout limits them.
import { isEventStream } from '../kernel/http/event-stream.ts';
import { isBodyless, type RawHeaders } from '../kernel/http/http.ts';

/**
 * Server-sent events by their type; others when they have content and no length: chunked, or ended
 * by closing the connection.
 */
export function isStream(method: string, status: number, headers: RawHeaders): boolean {
  if (isBodyless(method, status)) return false;
  let hasLength = false;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.length === 14) hasLength ||= name.toLowerCase() === 'content-length';
    else if (name.length === 12 && name.toLowerCase() === 'content-type' && isEventStream(headers[i + 1] ?? '')) {
      return true;
    }
  }
  return !hasLength;
}
