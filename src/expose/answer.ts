// Owns the way back: the local app's answer into the tunnel, as it comes, whole or visibly cut. Knows nothing of how the request
// was sent.
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import type { RawHeaders } from '../kernel/http.ts';
import { endToEnd, framingOf, trailerPairs } from './header-fields.ts';
import { endSoon } from './linger.ts';

const noBytes = Buffer.alloc(0);

/** Streams `answer` into `response`. False: it can't be passed on, and nothing of it was. */
export function passAnswer(answer: IncomingMessage, response: ServerResponse): boolean {
  const framing = framingOf(answer.rawHeaders);
  // Node took the chunks apart, but a coding under them would reach the client unannounced.
  if (framing === 'unknown-coding') return false;
  const status = answer.statusCode ?? 0;
  // Node takes a 101 without `Upgrade` for a final response.
  if (status < 200) return false;
  const hasContent = response.req.method !== 'HEAD' && status !== 204 && status !== 304;
  const withTrailers = framing === 'chunked' && hasContent && response.req.httpVersion !== '1.0';
  response.sendDate = false;
  try {
    response.writeHead(
      status,
      answer.statusMessage ?? '',
      endToEnd(answer.rawHeaders, withTrailers ? [] : ['trailer']),
    );
  } catch {
    return false;
  }
  // The first event of a stream may be a minute away, its head is not: it leaves within this turn of the loop, together with
  // what of the body has come by then. (flushHeaders() would send it alone, and as UTF-8 instead of latin1.)
  response.cork();
  response.write(noBytes);
  setImmediate(() => {
    response.uncork();
  });
  answer.on('error', () => {
    response.destroy();
  });
  answer.on('end', () => {
    if (withTrailers && answer.rawTrailers.length > 0) response.addTrailers(trailerPairs(answer.rawTrailers));
    response.end();
  });
  answer.pipe(response, { end: false });
  return true;
}

/** Sends a 1xx that the app sent. 100 is the caller's business: only who expects it may get it. */
export function passInformational(response: ServerResponse, status: number, headers: RawHeaders): void {
  const socket = response.socket;
  // A pipelined request whose turn has not come has no socket yet, and a hint that waits is no hint.
  if (socket === null || response.headersSent || status === 101) return;
  let head = `HTTP/1.1 ${status} \r\n`;
  const kept = endToEnd(headers);
  for (let i = 0; i < kept.length; i += 2) head += `${kept[i] ?? ''}: ${kept[i + 1] ?? ''}\r\n`;
  socket.write(`${head}\r\n`, 'latin1');
}

/** One line of our own in place of an answer. Where the request is still coming, the connection ends with it. */
export function answerPlainly(response: ServerResponse, status: number, line: string): void {
  const { req: request, socket } = response;
  const body = `${line}\n`;
  const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(body) };
  if (!request.complete) {
    response.shouldKeepAlive = false;
    request.unpipe();
    request.resume();
    response.once('finish', () => {
      if (socket !== null) endSoon(socket);
    });
  }
  // The reason is ours as well: one that the app sent may be what could not be passed on.
  response.writeHead(status, STATUS_CODES[status] ?? '', headers).end(request.method === 'HEAD' ? undefined : body);
}
