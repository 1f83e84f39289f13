// Owns a request that asks to leave HTTP (WebSocket and any other Upgrade): the app decides, and after its 101 the two
// connections are one, byte for byte, each direction ending by itself. Knows no protocol above.
import { ServerResponse, type ClientRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { isOffered, offerableProtocols } from '../kernel/upgrade-protocols.ts';
import { answerPlainly, passAnswer } from './answer.ts';
import { badAnswerLine, faultOf, pathOnly, unreachableLine, type ForwardContext } from './forward.ts';
import { valuesOf } from './header-fields.ts';
import { endSoon } from './linger.ts';
import { splice } from './splice.ts';

/** Bytes that a client may send ahead of the 101. Few protocols do; none needs more than a first message. */
const maxEarlyBytes = 64 * 1024;

/** `head`: what arrived behind the request's head. */
export function forwardUpgrade(request: IncomingMessage, tunnel: Duplex, head: Buffer, context: ForwardContext): void {
  const early = new EarlyBytes(tunnel, head);
  const response = ownResponse(request);
  const fault = faultOf(request, context);
  if (fault !== undefined) {
    answerPlainly(response, fault.status, fault.line);
    return;
  }
  const { local, log } = context;
  const method = request.method ?? 'GET';
  const path = request.url ?? '/';
  const headers = local.headersFor(method, request.rawHeaders, 'none');
  const offered = offerableProtocols(valuesOf(request.rawHeaders, 'upgrade').join(',')).join(', ');
  headers.push('Connection', 'Upgrade', 'Upgrade', offered);

  const fail = (error: Error, line: string): void => {
    log({ type: 'target_failed', method, path: pathOnly(path), error });
    answerPlainly(response, 502, line);
  };

  let outgoing: ClientRequest;
  try {
    outgoing = local.open({ method, path, headers, connection: 'fresh' });
  } catch (error) {
    fail(error as Error, badAnswerLine);
    return;
  }
  const abandon = (): void => {
    outgoing.destroy();
  };
  tunnel.once('close', abandon);
  outgoing.on('response', (answer) => {
    if (!passAnswer(answer, response)) fail(new Error('an answer that HTTP does not allow'), badAnswerLine);
  });
  outgoing.on('error', (error) => {
    if (response.headersSent) tunnel.destroy();
    else if (!tunnel.destroyed) fail(error, unreachableLine);
  });
  outgoing.on('upgrade', (answer, socket, localHead) => {
    if (!isOffered(answer.headers.upgrade, offered)) {
      socket.destroy();
      fail(new Error('a 101 to a protocol that was not offered'), badAnswerLine);
      return;
    }
    tunnel.off('close', abandon);
    response.detachSocket(request.socket);
    tunnel.write(switchingProtocols(answer), 'latin1');
    if (localHead.length > 0) tunnel.write(localHead);
    for (const chunk of early.take()) socket.write(chunk);
    splice(tunnel, socket);
  });
  outgoing.end();
}

/** Node's own response went away with the parser; an app that declines the upgrade still has an answer to be passed on. */
function ownResponse(request: IncomingMessage): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(request.socket);
  response.once('finish', () => {
    response.detachSocket(request.socket);
    endSoon(request.socket);
  });
  return response;
}

function switchingProtocols(answer: IncomingMessage): string {
  let head = `HTTP/1.1 101 ${answer.statusMessage ?? ''}\r\n`;
  for (let i = 0; i < answer.rawHeaders.length; i += 2) {
    head += `${answer.rawHeaders[i] ?? ''}: ${answer.rawHeaders[i + 1] ?? ''}\r\n`;
  }
  return `${head}\r\n`;
}

/** Reads on while the app decides, because only who reads notices that the client is gone. */
class EarlyBytes {
  readonly #tunnel: Duplex;
  readonly #chunks: Buffer[];
  #bytes: number;

  constructor(tunnel: Duplex, head: Buffer) {
    this.#tunnel = tunnel;
    this.#chunks = head.length > 0 ? [head] : [];
    this.#bytes = head.length;
    tunnel.on('data', this.#data).on('end', this.#end).resume();
  }

  take(): readonly Buffer[] {
    this.#tunnel.pause().off('data', this.#data).off('end', this.#end);
    return this.#chunks;
  }

  readonly #data = (chunk: Buffer): void => {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > maxEarlyBytes) this.#tunnel.pause();
  };

  readonly #end = (): void => {
    this.#tunnel.destroy();
  };
}
