// Owns what a stream is to the gateway: an answer that nobody can say the end of when it begins. It counts against max_streams instead
// of max_in_flight, and only idle time bounds it (contract §7, §9).
import { isBodyless, type RawHeaders } from '../kernel/http/http.ts';

/** Server-sent events by their type; everything else by having content and no length: chunks, or an end with the connection. */
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

export function isEventStream(type: string): boolean {
  return type.slice(0, 17).toLowerCase() === 'text/event-stream';
}
