// Owns one request from a tunnel to the local app: what may pass, body and trailers with back-pressure, one more try where a
// kept connection turned out dead. The answer is answer.ts's.
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import type { AssertionGate, GateEvent } from './assertion-gate.ts';
import { answerPlainly, passAnswer, passInformational } from './answer.ts';
import { framingOf, requestTrailerPairs, valuesOf } from './header-fields.ts';
import type { LocalServer } from './local-server.ts';

export type ExposeEvent =
  | GateEvent
  | { readonly type: 'target_failed'; readonly method: string; readonly path: string; readonly error: Error }
  | { readonly type: 'tunnel_refused'; readonly openTunnels: number };

export interface ForwardContext {
  readonly local: LocalServer;
  readonly log: (event: ExposeEvent) => void;
  /** Who lets requests pass; undefined: all may. */
  readonly gate: AssertionGate | undefined;
}

/** RFC 9110 §9.2.2. */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
/** The caller is told no address, port or text of the app's machine. */
export const unreachableLine = 'The app behind this lease does not answer.';
export const badAnswerLine = 'The app behind this lease answered with something that is no HTTP.';

/** `expectsContinue`: the client holds its body back until the app asks for it. */
export function forward(
  request: IncomingMessage,
  response: ServerResponse,
  context: ForwardContext,
  expectsContinue: boolean,
): void {
  const fault = faultOf(request, context);
  if (fault !== undefined) {
    answerPlainly(response, fault.status, fault.line);
    return;
  }
  const { local, log } = context;
  const method = request.method ?? 'GET';
  const path = request.url ?? '/';
  const framing = framingOf(request.rawHeaders);
  const hasBody = framing !== 'none';
  const headers = local.headersFor(method, request.rawHeaders, framing);

  const fail = (error: Error, line: string): void => {
    log({ type: 'target_failed', method, path: pathOnly(path), error });
    answerPlainly(response, 502, line);
  };

  const attempt = (connection: 'pooled' | 'fresh'): void => {
    let outgoing: ClientRequest;
    let received: IncomingMessage | undefined;
    try {
      outgoing = local.open({ method, path, headers, connection });
    } catch (error) {
      fail(error as Error, badAnswerLine);
      return;
    }
    outgoing.on('response', (answer) => {
      received = answer;
      if (passAnswer(answer, response)) return;
      outgoing.destroy();
      fail(new Error('an answer that HTTP does not allow'), badAnswerLine);
    });
    // Without a listener Node would drop the connection and say nothing.
    outgoing.on('upgrade', (_answer, socket) => {
      socket.destroy();
      fail(new Error('a 101 that nobody asked for'), badAnswerLine);
    });
    outgoing.on('information', ({ statusCode, rawHeaders }) => {
      if (statusCode !== 100) passInformational(response, statusCode, rawHeaders);
      else if (expectsContinue) response.writeContinue();
    });
    outgoing.on('error', (error) => {
      // The fault lies behind the response, such as content of a 204, which curl and browsers ignore as well. Its connection is closed.
      if (received?.complete === true && response.headersSent) return;
      // Too late for words: what was announced and did not come is a broken message, and must look like one.
      if (response.headersSent) {
        if (!response.writableEnded) response.destroy();
      } else if (response.destroyed || response.closed) return;
      else if (connection === 'pooled' && outgoing.reusedSocket && !hasBody && idempotent.has(method)) attempt('fresh');
      else fail(error, unreachableLine);
    });
    // The caller is gone before its answer ended: the app hears of it at once.
    response.once('close', () => {
      if (!response.writableFinished) outgoing.destroy();
    });
    request.once('close', () => {
      if (!request.complete) outgoing.destroy();
    });
    if (hasBody) sendBody(request, outgoing);
    else outgoing.end();
  };
  attempt('pooled');
}

function sendBody(request: IncomingMessage, outgoing: ClientRequest): void {
  request.on('end', () => {
    if (request.rawTrailers.length > 0) outgoing.addTrailers(requestTrailerPairs(request.rawTrailers));
    outgoing.end();
  });
  request.pipe(outgoing, { end: false });
}

interface Fault {
  readonly status: number;
  readonly line: string;
}

/** What Node's parser lets through and a local app should not have to think about. */
export function faultOf(request: IncomingMessage, { gate }: ForwardContext): Fault | undefined {
  const target = request.url ?? '';
  // An absolute target would make a forward proxy of an app that is one.
  if (!target.startsWith('/') && !(target === '*' && request.method === 'OPTIONS')) {
    return { status: 400, line: 'The request target must be a path.' };
  }
  if (valuesOf(request.rawHeaders, 'host').length > 1)
    return { status: 400, line: 'The request has more than one Host.' };
  if (framingOf(request.rawHeaders) === 'unknown-coding') {
    return { status: 501, line: 'Only the transfer coding "chunked" is understood.' };
  }
  return gate?.refusalOf(request);
}

/** Queries carry tokens, and logs must not. */
export function pathOnly(target: string): string {
  return target.split('?', 1)[0] ?? '';
}
