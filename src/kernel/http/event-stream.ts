// Recognises server-sent events.

/** `type`: the value of Content-Type. */
export function isEventStream(type: string): boolean {
  return type.slice(0, 17).toLowerCase() === 'text/event-stream';
}
