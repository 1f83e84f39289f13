// Serves /sse: numbered events at a steady pace, resumable with Last-Event-ID, limited by
// `count` or endless.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { responseText, numberOf } from './replies.ts';

const maxIntervalMs = 60_000;
const maxEvents = 1_000_000;

/**
 * Sends `?count=` events (default 0: no end), one every `?interval=` milliseconds (default 100).
 */
export function sendEvents(request: IncomingMessage, response: ServerResponse, url: URL): void {
  const count = numberOf(url.searchParams.get('count') ?? '0', 0, maxEvents);
  const intervalMs = numberOf(url.searchParams.get('interval') ?? '100', 1, maxIntervalMs);
  const lastId = request.headers['last-event-id'];
  const after = numberOf(typeof lastId === 'string' ? lastId : '0', 0, Number.MAX_SAFE_INTEGER);
  if (count === undefined || intervalMs === undefined || after === undefined) {
    const bounds = `count is at most ${maxEvents}, interval is 1 to ${maxIntervalMs} ms, Last-Event-ID is the id of an event from this stream`;
    responseText(response, 400, `${bounds}.`);
    return;
  }
  // All events were sent before: 204 makes an EventSource stop reconnecting.
  if (count > 0 && after >= count) {
    response.writeHead(204).end();
    return;
  }
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  let number = after;
  const send = (): void => {
    // A slow reader gets fewer events; they never pile up in memory.
    if (response.writableNeedDrain) return;
    number += 1;
    response.write(`id: ${number}\nevent: tick\ndata: ${JSON.stringify({ number, at: new Date().toISOString() })}\n\n`);
    if (number === count) response.end();
  };
  const timer = setInterval(send, intervalMs);
  const stop = (): void => {
    clearInterval(timer);
  };
  response.once('close', stop).once('finish', stop);
  send();
}
